//! Which steps are missing: a rate for all modalities, one per modality, bursts, whole modalities.

use eframe::egui::{self, DragValue, Slider, Ui};

use crate::state::Workspace;

pub fn ui(ui: &mut Ui, workspace: &mut Workspace) {
    let Workspace {
        missing, controls, ..
    } = workspace;
    ui.horizontal(|ui| {
        ui.strong("Missing steps").on_hover_text(
            "The share of steps that the models miss, in every modality without a rate of \
             its own",
        );
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let hint = "All steps are there again";
            let reset = ui.small_button("Reset").on_hover_text(hint);
            controls.note("reset missing", &reset);
            if reset.clicked() {
                missing.reset();
            }
        });
    });
    let all = rate_slider(ui, &mut missing.rate, "all modalities");
    controls.note("missing rate", &all);
    for own in &mut missing.modalities {
        ui.horizontal(|ui| {
            let mut there = !own.off;
            let hint = format!("Untick to take {} away as a whole", own.name);
            let tick = ui.checkbox(&mut there, &own.name).on_hover_text(hint);
            controls.note(format!("{} there", own.name), &tick);
            own.off = !there;
            let mut alone = own.own.is_some();
            ui.add_enabled_ui(there, |ui| {
                let hint = format!("Give {} a missing rate of its own", own.name);
                if ui
                    .checkbox(&mut alone, "own rate")
                    .on_hover_text(hint)
                    .changed()
                {
                    own.own = alone.then_some(missing.rate);
                }
            });
        });
        if let Some(rate) = &mut own.own
            && !own.off
        {
            ui.indent(&own.name, |ui| {
                let slider = rate_slider(ui, rate, &own.name);
                controls.note(format!("missing rate {}", own.name), &slider);
            });
        }
    }
    ui.horizontal(|ui| {
        ui.checkbox(&mut missing.burst, "bursts of").on_hover_text(
            "Mask runs of consecutive steps instead of single ones; the share of missing steps stays",
        );
        ui.add_enabled(
            missing.burst,
            DragValue::new(&mut missing.burst_steps)
                .range(1.0..=200.0)
                .speed(0.1)
                .max_decimals(0)
                .suffix(" steps"),
        );
    });
    ui.horizontal(|ui| {
        let label = ui.label("mask seed");
        ui.add(DragValue::new(&mut missing.mask_seed).speed(0.05))
            .labelled_by(label.id)
            .on_hover_text("Another seed hides other steps at the same rates");
    });
}

fn rate_slider(ui: &mut Ui, rate: &mut f64, name: &str) -> egui::Response {
    let slider = Slider::new(rate, 0.0..=1.0).step_by(0.01).fixed_decimals(2);
    ui.add(slider.text(name))
}
