//! Snapshots of the main views, drawn by the software rasteriser and compared with the stored ones.
//! `UPDATE_SNAPSHOTS=true` stores new ones.

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stderr, reason = "reports a skipped test")]

mod support;

use eframe::egui::{Theme, Vec2};
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{SnapshotOptions, SnapshotResults};
use mct_app::application::Application;
use mct_app::panels::Pane;
use mct_app::state::command::Command;
use mct_scores::Metric;
use support::{Window, build, builder, demo_model, options, press, small_corpus, until};

/// Whether the rasteriser is SwiftShader, which draws the same on every machine.
fn rasteriser() -> bool {
    let drivers = std::env::var("VK_DRIVER_FILES").unwrap_or_default();
    if drivers.contains("swiftshader") {
        return true;
    }
    assert!(
        std::env::var_os("MCT_HFR_REQUIRE_GPU").is_none(),
        "SwiftShader is required, and VK_DRIVER_FILES does not name it"
    );
    eprintln!("*** SKIPPED: pictures of the window need SwiftShader (VK_DRIVER_FILES) ***");
    false
}

fn open(theme: Theme, size: [f32; 2]) -> Window {
    let builder = builder()
        .with_size(Vec2::from(size))
        .with_theme(theme)
        // Subpixel positions depend on the last bits of the models' results.
        .with_options(SnapshotOptions::new().max_failed_pixels(200))
        .wgpu();
    let mut window = build(builder, options(vec![small_corpus(), demo_model()]));
    // t-SNE amplifies rounding differences between processors; principal components do not.
    window.state_mut().workspace.projection.settings.tsne = false;
    window.state_mut().workspace.missing.rate = 0.4;
    until(&mut window, "all views", |application| {
        let workspace = &application.workspace;
        let Some(open) = workspace.models.shown() else {
            return false;
        };
        let projection = &workspace.projection;
        open.evaluated.is_some()
            && open.curve.auilc(Metric::Ua).is_some()
            && workspace.limit.is_some()
            && workspace.limit_now.is_some()
            // It is computed where it is seen.
            && (size[0] < 1000.0
                || projection.progress.is_none()
                    && projection.coordinates.len() == projection.cloud.points.len()
                    && !projection.coordinates.is_empty())
    });
    window
}

const WIDE: [f32; 2] = [1280.0, 800.0];

fn snapshot(window: &mut Window, name: &str) {
    window.run_steps(4);
    // The computation time differs in every run.
    let millis = window
        .query_by_label_contains(" ms")
        .map(|label| label.rect());
    if let Some(rect) = millis {
        window.mask(rect);
    }
    window.snapshot(name);
}

/// Whether what is computed where it is seen is there.
fn modalities_are_computed(application: &Application) -> bool {
    let by = application.workspace.by_modality.as_ref();
    by.is_some_and(|by| by.is_complete())
}

fn slices_are_computed(application: &Application) -> bool {
    let shown = application.workspace.models.shown();
    shown.is_some_and(|open| open.complete.is_some())
}

/// Two runs, one of them ticked, under names that are the same in every run of the test.
fn list_runs(window: &mut Window) {
    let folder = tempfile::tempdir().unwrap();
    support::two_runs(folder.path());
    let runs = &mut window.state_mut().workspace.runs;
    let listing = mct_runs::runs_below(folder.path()).unwrap();
    runs.tick(folder.path().join("run10/run"));
    runs.found(folder.path().display().to_string(), Ok(listing));
    // It is not looked for again.
    runs.is_looking = true;
}

#[test]
fn gpu_path_the_window_looks_as_it_did() {
    if !rasteriser() {
        return;
    }
    let mut results = SnapshotResults::new();
    let mut window = open(Theme::Dark, WIDE);
    snapshot(&mut window, "overview");
    results.extend_harness(&mut window);
    let mut window = open(Theme::Light, WIDE);
    window.state_mut().workspace.selection.one(1);
    until(&mut window, "the inspector", |application| {
        application.workspace.inspector.seen.is_some()
    });
    snapshot(&mut window, "inspector");
    window.get_by_label("Training").click();
    snapshot(&mut window, "training");
    results.extend_harness(&mut window);
    let mut window = open(Theme::Light, [1440.0, 900.0]);
    window
        .state_mut()
        .workspace
        .command(Command::Show(Pane::Modalities));
    window
        .state_mut()
        .workspace
        .command(Command::Show(Pane::Slices));
    until(&mut window, "these views", |application| {
        modalities_are_computed(application) && slices_are_computed(application)
    });
    snapshot(&mut window, "large");
    results.extend_harness(&mut window);
    for (name, theme, size) in [
        ("narrow", Theme::Light, [800.0, 600.0]),
        ("phone", Theme::Dark, [390.0, 844.0]),
    ] {
        let mut window = open(theme, size);
        if name == "phone" {
            press(&mut window, "data");
            snapshot(&mut window, "phone-data");
            press(&mut window, "data");
        }
        window.state_mut().workspace.selection.one(1);
        list_runs(&mut window);
        for pane in Pane::ALL.iter().copied() {
            window.state_mut().workspace.command(Command::Show(pane));
            window.run_steps(2);
            until(&mut window, pane.title(), |application| {
                let workspace = &application.workspace;
                match pane {
                    Pane::Modalities => modalities_are_computed(application),
                    Pane::Slices => slices_are_computed(application),
                    Pane::Inspector => {
                        workspace.inspector.combined.is_some() && workspace.inspector.is_current
                    }
                    Pane::Embedding => !workspace.projection.coordinates.is_empty(),
                    _ => true,
                }
            });
            snapshot(&mut window, &format!("{name}-{}", pane.slug()));
        }
        results.extend_harness(&mut window);
    }
}
