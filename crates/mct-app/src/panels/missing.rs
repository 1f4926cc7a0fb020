//! The missing steps: a rate for all modalities or per modality, bursts, whole modalities.

use eframe::egui::{self, DragValue, Ui};

use crate::state::Workspace;
use crate::widgets::{seed, slider};

pub fn ui(ui: &mut Ui, workspace: &mut Workspace) {
    let Workspace {
        missing, controls, ..
    } = workspace;
    ui.horizontal(|ui| {
        ui.strong("Missing steps").on_hover_text(
            "The fraction of steps that are missing, in every modality without a rate of its own",
        );
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let hint = "No steps are missing";
            let reset = ui.small_button("Reset").on_hover_text(hint);
            controls.note("reset missing", &reset);
            if reset.clicked() {
                missing.reset();
            }
        });
    });
    let all = rate_slider(ui, &mut missing.rate, "all modalities");
    controls.note("missing rate", &all);
    for modality in &mut missing.modalities {
        let name = &modality.name;
        ui.horizontal(|ui| {
            let mut present = !modality.off;
            let hint = format!("Untick to remove {name} completely");
            let tick = ui.checkbox(&mut present, name).on_hover_text(hint);
            controls.note(format!("{name} there"), &tick);
            modality.off = !present;
            let mut has_own_rate = modality.own_rate.is_some();
            ui.add_enabled_ui(present, |ui| {
                let hint = format!("Set a separate missing rate for {name}");
                if ui
                    .checkbox(&mut has_own_rate, "own rate")
                    .on_hover_text(hint)
                    .changed()
                {
                    modality.own_rate = has_own_rate.then_some(missing.rate);
                }
            });
        });
        if let Some(rate) = &mut modality.own_rate
            && !modality.off
        {
            ui.indent(name, |ui| {
                let slider = rate_slider(ui, rate, name);
                controls.note(format!("missing rate {name}"), &slider);
            });
        }
    }
    ui.horizontal(|ui| {
        ui.checkbox(&mut missing.burst, "bursts of").on_hover_text(
            "Mask runs of consecutive steps instead of single ones, at the same missing rate",
        );
        let steps = if missing.burst_steps < 1.5 {
            " step"
        } else {
            " steps"
        };
        ui.add_enabled(
            missing.burst,
            DragValue::new(&mut missing.burst_steps)
                .range(1.0..=200.0)
                .speed(0.1)
                .max_decimals(0)
                .suffix(steps),
        );
    });
    let hint = "Mask the same moments in all modalities, instead of its own in each";
    let same = ui.checkbox(&mut missing.same_moment, "the same moments");
    controls.note("same moments", &same.on_hover_text(hint));
    ui.horizontal(|ui| {
        let label = ui.label("mask seed");
        seed(ui, &mut missing.mask_seed)
            .labelled_by(label.id)
            .on_hover_text("Another seed masks other steps at the same rates");
    });
}

fn rate_slider(ui: &mut Ui, rate: &mut f64, name: &str) -> egui::Response {
    slider(ui, rate, 0.0..=1.0, 0.01, name)
}
