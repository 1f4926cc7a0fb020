//! Snapshots of the main views, drawn by the software rasteriser and compared with the stored ones.
//! `UPDATE_SNAPSHOTS=true` stores new ones.

#![allow(clippy::print_stderr, reason = "reports a skipped test")]

mod support;

use eframe::egui::{Theme, Vec2};
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{SnapshotOptions, SnapshotResults};
use mct_scores::Metric;
use support::{Window, build, builder, demo_model, options, small_corpus, until};

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

fn open(theme: Theme) -> Window {
    let builder = builder()
        .with_size(Vec2::new(1280.0, 800.0))
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
            && projection.progress.is_none()
            && projection.coordinates.len() == projection.cloud.points.len()
            && !projection.coordinates.is_empty()
    });
    window
}

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

#[test]
fn gpu_path_the_window_looks_as_it_did() {
    if !rasteriser() {
        return;
    }
    let mut results = SnapshotResults::new();
    let mut window = open(Theme::Dark);
    snapshot(&mut window, "overview");
    results.extend_harness(&mut window);
    let mut window = open(Theme::Light);
    window.state_mut().workspace.selection.one(1);
    until(&mut window, "the inspector", |application| {
        application.workspace.inspector.seen.is_some()
    });
    snapshot(&mut window, "inspector");
    window.get_by_label("Training").click();
    snapshot(&mut window, "training");
    results.extend_harness(&mut window);
}
