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
use mct_engine::source::Source;
use mct_hfr::training::{Checkpoint, Precision};
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

/// The demo model, to which all words look alike.
fn without_text() -> Source {
    let bytes = std::fs::read(support::assets().join("demo-model.safetensors")).unwrap();
    let mut checkpoint = Checkpoint::from_bytes("demo", &bytes).unwrap();
    let of_text = checkpoint.model.iter_mut();
    let of_text = of_text.filter(|(name, _)| *name == "inputs.2.deviation");
    let mut count = 0;
    for (_, values) in of_text {
        values.as_mut_slice::<f32>().unwrap().fill(1e6);
        count += 1;
    }
    assert!(count > 0);
    let bytes = checkpoint.to_bytes(Precision::F32).unwrap();
    Source::Bytes {
        name: "without-text.safetensors".into(),
        bytes: bytes.into(),
    }
}

fn open(size: [f32; 2]) -> Window {
    let builder = builder()
        .with_size(Vec2::from(size))
        // Subpixel positions depend on the last bits of the models' results.
        .with_options(SnapshotOptions::new().max_failed_pixels(200))
        .wgpu();
    let sources = vec![small_corpus(), demo_model(), without_text()];
    let mut window = build(builder, options(sources));
    until(&mut window, "both models", |application| {
        application.workspace.models.iter().count() == 2
    });
    let models = &mut window.state_mut().workspace.models;
    let second = models.iter().nth(1).map(|open| open.card.id);
    models.compare(second);
    let workspace = &mut window.state_mut().workspace;
    workspace.command(Command::Show(Pane::Comparison));
    // t-SNE amplifies rounding differences between processors; principal components do not.
    window.state_mut().workspace.projection.settings.tsne = false;
    window.state_mut().workspace.missing.rate = 0.4;
    until(&mut window, "all views", |application| {
        let workspace = &application.workspace;
        let Some(open) = workspace.models.shown() else {
            return false;
        };
        let projection = &workspace.projection;
        workspace.models.iter().all(|open| {
            open.evaluated.is_some() && open.curve.auilc(Metric::Ua).is_some()
        }) && open.evaluated.is_some()
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

/// What is in front at the first start.
const FIRST: [Pane; 5] = [
    Pane::Confusion,
    Pane::Curves,
    Pane::Embedding,
    Pane::Utterances,
    Pane::Inspector,
];

/// In both themes.
fn snapshot(window: &mut Window, name: &str) {
    for (theme, slug) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
        window.ctx.set_theme(theme);
        window.run_steps(4);
        // The computation time differs in every run.
        let millis = window
            .query_by_label_contains(" ms")
            .map(|label| label.rect());
        if let Some(rect) = millis {
            window.mask(rect);
        }
        window.snapshot(format!("{name}-{slug}"));
    }
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
    // One view after the other where there is room for one.
    for (name, size) in [("narrow", [800.0, 600.0]), ("phone", [390.0, 844.0])] {
        let mut window = opened(size);
        if name == "phone" {
            press(&mut window, "data");
            snapshot(&mut window, "phone-data");
            press(&mut window, "data");
        }
        for pane in Pane::ALL.iter().copied() {
            show(&mut window, &[pane]);
            snapshot(&mut window, &format!("{name}-{}", pane.slug()));
        }
        results.extend_harness(&mut window);
    }
    // All views, a few at a time.
    for (name, size) in [("medium", [1280.0, 720.0]), ("large", [1440.0, 900.0])] {
        let mut window = opened(size);
        show(&mut window, &FIRST);
        snapshot(&mut window, &format!("{name}-first"));
        for (also, panes) in [
            (
                "training",
                &[
                    Pane::Training,
                    Pane::Slices,
                    Pane::Modalities,
                    Pane::Intensities,
                ][..],
            ),
            ("runs", &[Pane::Runs, Pane::Confusion][..]),
            ("comparison", &[Pane::Comparison][..]),
        ] {
            show(&mut window, panes);
            snapshot(&mut window, &format!("{name}-{also}"));
        }
        results.extend_harness(&mut window);
    }
}

/// The window with an utterance in the inspector and runs in their list.
fn opened(size: [f32; 2]) -> Window {
    let mut window = open(size);
    window.state_mut().workspace.selection.one(1);
    list_runs(&mut window);
    window
}

/// Brings these views to the front, and waits until they are computed.
fn show(window: &mut Window, panes: &[Pane]) {
    for pane in panes {
        window.state_mut().workspace.command(Command::Show(*pane));
        window.run_steps(2);
        until(window, pane.title(), |application| {
            let workspace = &application.workspace;
            match pane {
                Pane::Modalities => modalities_are_computed(application),
                Pane::Slices => slices_are_computed(application),
                Pane::Inspector => {
                    workspace.inspector.combined.is_some()
                        && workspace.inspector.is_current
                        && workspace.inspector.compared_is_current
                }
                Pane::Embedding => !workspace.projection.coordinates.is_empty(),
                _ => true,
            }
        });
    }
}
