//! Small symbols, drawn because no font has all of them.

use eframe::egui::{Color32, Rect, Response, Sense, Stroke, Ui, pos2, vec2};

use crate::theme;

/// Side of a symbol, in points.
const SIDE: f32 = 11.0;

fn allocate(ui: &mut Ui) -> (Rect, Response) {
    ui.allocate_exact_size(vec2(SIDE, SIDE), Sense::hover())
}

pub fn dot(ui: &mut Ui, colour: Color32) -> Response {
    let (rect, response) = allocate(ui);
    ui.painter()
        .circle_filled(rect.center(), SIDE * 0.36, colour);
    response
}

pub fn cross(ui: &mut Ui, colour: Color32) -> Response {
    let (rect, response) = allocate(ui);
    let inner = rect.shrink(SIDE * 0.18);
    let stroke = Stroke::new(2.0, colour);
    ui.painter()
        .line_segment([inner.left_top(), inner.right_bottom()], stroke);
    ui.painter()
        .line_segment([inner.left_bottom(), inner.right_top()], stroke);
    response
}

fn tick(ui: &mut Ui, colour: Color32) -> Response {
    let (rect, response) = allocate(ui);
    let point = |x: f32, y: f32| pos2(rect.left() + x * SIDE, rect.top() + y * SIDE);
    let points = vec![point(0.12, 0.55), point(0.4, 0.82), point(0.9, 0.18)];
    ui.painter().line(points, Stroke::new(2.0, colour));
    response
}

/// A tick or a cross.
pub fn is_right(ui: &mut Ui, right: bool) -> Response {
    let colour = if right { theme::RIGHT } else { theme::WRONG };
    is_right_in(ui, right, theme::legible(ui.visuals(), colour))
}

/// A tick or a cross in this colour.
pub fn is_right_in(ui: &mut Ui, right: bool, colour: Color32) -> Response {
    if right {
        tick(ui, colour)
    } else {
        cross(ui, colour)
    }
}

/// An exclamation mark in a triangle.
pub fn warning(ui: &mut Ui, colour: Color32) -> Response {
    let (rect, response) = allocate(ui);
    let points = vec![
        rect.center_top(),
        rect.right_bottom(),
        rect.left_bottom(),
        rect.center_top(),
    ];
    ui.painter().line(points, Stroke::new(1.5, colour));
    let middle = rect.center();
    ui.painter().vline(
        middle.x,
        middle.y - 1.0..=middle.y + 2.5,
        Stroke::new(1.5, colour),
    );
    response
}

/// A triangle that points up or down.
pub fn arrow(ui: &mut Ui, down: bool) -> Response {
    let (rect, response) = allocate(ui);
    let inner = rect.shrink2(vec2(2.0, 3.0));
    let points = if down {
        vec![inner.left_top(), inner.right_top(), inner.center_bottom()]
    } else {
        vec![
            inner.left_bottom(),
            inner.center_top(),
            inner.right_bottom(),
        ]
    };
    let ink = ui.visuals().text_color();
    ui.painter().add(eframe::egui::Shape::convex_polygon(
        points,
        ink,
        Stroke::NONE,
    ));
    response
}
