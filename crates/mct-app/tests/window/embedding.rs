//! The embedding.

use crate::support::{demo, press, slide, until};
use egui_kittest::kittest::Queryable as _;
use mct_app::application::Application;

#[test]
fn a_lasso_selects_what_it_goes_around_and_the_legend_hides() {
    let mut window = demo();
    until(&mut window, "the points", |application| {
        let projection = &application.workspace.projection;
        !projection.coordinates.is_empty()
            && projection.coordinates.len() == projection.cloud.points.len()
    });
    press(&mut window, "lasso");
    let plane = window.get_by_label("points of the embedding").rect();
    // Around all of them.
    let (from, to) = (plane.left_top(), plane.right_bottom());
    let corners = [from, plane.right_top(), to, plane.left_bottom(), from];
    window.hover_at(from);
    window.step();
    window.drag_at(from);
    window.step();
    for pair in corners.windows(2) {
        for part in 1..=3 {
            window.hover_at(pair[0] + (pair[1] - pair[0]) * (part as f32 / 3.0) * 0.999);
            window.step();
        }
    }
    window.drop_at(from);
    window.run_steps(2);
    let workspace = &window.state().workspace;
    let drawn = workspace
        .projection
        .representations
        .as_ref()
        .unwrap()
        .utterances
        .len();
    assert_eq!(workspace.selection.len(), drawn);
    assert_eq!(workspace.selection.reason, "points in a lasso");
}

#[test]
fn the_embedding_moves_pauses_and_has_neighbours() {
    let mut window = demo();
    let steps = |application: &Application| {
        application
            .workspace
            .projection
            .progress
            .map_or(0, |progress| progress.steps)
    };
    until(&mut window, "t-SNE", |application| steps(application) > 50);
    let divergence = window
        .state()
        .workspace
        .projection
        .progress
        .unwrap()
        .divergence;
    press(&mut window, "pause projection");
    until(&mut window, "the pause", |application| {
        application.workspace.projection.paused
    });
    // Responses sent before the pause may still arrive.
    for _ in 0..30 {
        window.step();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let steps_at_pause = steps(window.state());
    for _ in 0..30 {
        window.step();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(steps(window.state()), steps_at_pause);
    window.get_by_label("Continue").click();
    until(&mut window, "the end of t-SNE", |application| {
        let progress = application.workspace.projection.progress;
        progress.is_some_and(|progress| progress.finished)
    });
    let projection = &window.state().workspace.projection;
    assert!(projection.progress.unwrap().divergence < divergence);
    let neighbours = projection.neighbours(3);
    assert_eq!(neighbours.len(), projection.settings.neighbours);
    assert!(neighbours.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    // The points continue from their coordinates when steps go missing.
    let before = projection.coordinates.clone();
    slide(&mut window, "missing rate", 0.3);
    until(&mut window, "the embedding to follow", |application| {
        let projection = &application.workspace.projection;
        projection.coordinates != before && steps(application) > 20
    });
    window.get_by_label("PCA").click();
    until(&mut window, "principal components", |application| {
        let projection = &application.workspace.projection;
        projection.progress.is_none() && !projection.coordinates.is_empty()
    });
}
