//! The main views as pictures, drawn by the software rasteriser and held against those that are kept.
//! `UPDATE_SNAPSHOTS=true` keeps new ones.

#![allow(clippy::print_stderr, reason = "a skip is said")]

mod support;

use eframe::egui::{Theme, Vec2};
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{SnapshotOptions, SnapshotResults};
use mct_app::state::models::Score;
use support::{Window, build, builder, demo_model, options, small_corpus, until};

/// Whether SwiftShader draws, which draws the same everywhere.
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
        // Fractions of a pixel depend on the last bits of what the models compute.
        .with_options(SnapshotOptions::new().max_failed_pixels(200))
        .wgpu();
    let mut window = build(builder, options(vec![small_corpus(), demo_model()]));
    // t-SNE amplifies the last bits of what the processor computes; principal components do not.
    window.state_mut().workspace.projection.settings.tsne = false;
    window.state_mut().workspace.missing.rate = 0.4;
    until(&mut window, "all views", |application| {
        let workspace = &application.workspace;
        let Some(open) = workspace.models.shown() else {
            return false;
        };
        let projection = &workspace.projection;
        open.evaluated.is_some()
            && open.curve.auilc(Score::Ua).is_some()
            && workspace.limit.is_some()
            && workspace.limit_now.is_some()
            && projection.progress.is_none()
            && projection.places.len() == projection.cloud.points.len()
            && !projection.places.is_empty()
    });
    window
}

fn keep(window: &mut Window, name: &str) {
    window.run_steps(4);
    // How long something took is another number every time.
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
    keep(&mut window, "overview");
    results.extend_harness(&mut window);
    let mut window = open(Theme::Light);
    window.state_mut().workspace.selection.one(1);
    until(&mut window, "the inspector", |application| {
        application.workspace.inspector.seen.is_some()
    });
    keep(&mut window, "inspector");
    window.get_by_label("Training").click();
    keep(&mut window, "training");
    results.extend_harness(&mut window);
}
