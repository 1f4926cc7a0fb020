//! A plane of points, with panning, zooming and selection.

use eframe::egui::{
    Color32, Event, Mesh, PointerButton, Pos2, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2,
    pos2, vec2,
};

/// The visible part of the plane.
#[derive(Debug, Clone, Default)]
pub struct Viewport {
    /// Set by pan and zoom: centre in the plane, and pixels per unit. `None` shows all points.
    manual: Option<(Pos2, f32)>,
    /// First corner of the rectangle being drawn, in pixels.
    corner: Option<Pos2>,
    /// Whether a drag draws a line around points instead of a rectangle.
    pub lasso: bool,
    /// That line, in pixels.
    line: Vec<Pos2>,
}

impl Viewport {
    /// Shows all points.
    pub fn show_all(&mut self) {
        self.manual = None;
    }

    /// Whether it was panned or zoomed.
    pub const fn is_moved(&self) -> bool {
        self.manual.is_some()
    }
}

/// The transform from the plane to the screen.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The plane on the screen, in pixels.
    pub rect: Rect,
    centre: Pos2,
    /// Pixels per unit.
    scale: f32,
}

impl Frame {
    /// The position of a point of the plane on the screen, in pixels.
    pub fn to_screen(self, [x, y]: [f32; 2]) -> Pos2 {
        // The y axis points up.
        let offset = vec2(x - self.centre.x, self.centre.y - y) * self.scale;
        self.rect.center() + offset
    }
}

/// The pointer gesture completed in this frame.
pub enum Gesture {
    Nothing,
    /// A click at this position on the screen.
    Click(Pos2),
    /// A rectangle drawn on the screen.
    Rectangle(Rect),
    /// A line around points, drawn on the screen.
    Lasso(Vec<Pos2>),
}

/// Whether a position is inside a closed line: a ray from it crosses the line an odd number of times.
pub fn is_inside(line: &[Pos2], position: Pos2) -> bool {
    let ends = line.iter().skip(1).chain(line.first());
    let crossings = line.iter().zip(ends).filter(|(from, to)| {
        let spans = (from.y > position.y) != (to.y > position.y);
        let at = |from: &Pos2, to: &Pos2| {
            from.x + (position.y - from.y) / (to.y - from.y) * (to.x - from.x)
        };
        spans && position.x < at(from, to)
    });
    crossings.count() % 2 == 1
}

/// Shows a plane with points at `coordinates` in the available space.
pub fn show(
    ui: &mut Ui,
    viewport: &mut Viewport,
    coordinates: &[[f32; 2]],
) -> (Response, Frame, Gesture) {
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    let frame = match viewport.manual {
        Some((centre, scale)) => Frame {
            rect,
            centre,
            scale,
        },
        None => fit(rect, coordinates),
    };
    ui.painter()
        .rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    let gesture = interact(ui, viewport, frame, &response);
    (response, frame, gesture)
}

/// All points, with a margin.
fn fit(rect: Rect, coordinates: &[[f32; 2]]) -> Frame {
    let mut bounds = Rect::NOTHING;
    for [x, y] in coordinates {
        bounds.extend_with(pos2(*x, *y));
    }
    if !bounds.is_finite() || coordinates.is_empty() {
        bounds = Rect::from_min_max(pos2(-1.0, -1.0), pos2(1.0, 1.0));
    }
    let available = (rect.size() - vec2(24.0, 24.0)).max(vec2(1.0, 1.0));
    let size = bounds.size().max(vec2(1e-6, 1e-6));
    Frame {
        rect,
        centre: bounds.center(),
        scale: (available.x / size.x).min(available.y / size.y),
    }
}

/// Pans and zooms the viewport, and returns the completed gesture.
fn interact(ui: &Ui, viewport: &mut Viewport, frame: Frame, response: &Response) -> Gesture {
    if response.hovered() {
        let (zoom, scroll) = ui.input(|input| (input.zoom_delta(), input.smooth_scroll_delta.y));
        let factor = zoom * (scroll / 200.0).exp();
        if factor != 1.0
            && let Some(pointer) = response.hover_pos()
        {
            let scale = frame.scale * factor;
            // The point under the pointer stays where it is.
            let offset = pointer - frame.rect.center();
            let moved = vec2(offset.x, -offset.y) * (1.0 / frame.scale - 1.0 / scale);
            viewport.manual = Some((frame.centre + moved, scale));
        }
    }
    if response.double_clicked() {
        viewport.manual = None;
        return Gesture::Nothing;
    }
    let pans = ui.input(|input| input.pointer.secondary_down() || input.pointer.middle_down());
    if response.dragged() && pans {
        let delta = response.drag_delta() / frame.scale;
        viewport.manual = Some((frame.centre - vec2(delta.x, -delta.y), frame.scale));
        return Gesture::Nothing;
    }
    if response.drag_started() && !pans {
        viewport.corner = ui.input(|input| input.pointer.press_origin());
    }
    let pointer = response.interact_pointer_pos();
    if let (true, Some(corner), Some(pointer)) = (viewport.lasso, viewport.corner, pointer) {
        if viewport.line.is_empty() {
            viewport.line.push(corner);
        }
        viewport.line.push(pointer);
        if response.drag_stopped() {
            viewport.corner = None;
            return Gesture::Lasso(std::mem::take(&mut viewport.line));
        }
        let stroke = Stroke::new(1.0, ui.visuals().text_color());
        ui.painter().line(viewport.line.clone(), stroke);
        return Gesture::Nothing;
    }
    viewport.line.clear();
    if let (Some(corner), Some(pointer)) = (viewport.corner, pointer) {
        let drawn = Rect::from_two_pos(corner, pointer);
        if response.drag_stopped() {
            viewport.corner = None;
            return Gesture::Rectangle(drawn);
        }
        let stroke = Stroke::new(1.0, ui.visuals().text_color());
        ui.painter()
            .rect_stroke(drawn, 0.0, stroke, StrokeKind::Inside);
        return Gesture::Nothing;
    }
    viewport.corner = None;
    if let Some((from, to)) = stroke_within_frame(ui, response).filter(|_| !viewport.lasso) {
        return Gesture::Rectangle(Rect::from_two_pos(from, to));
    }
    match (response.clicked(), pointer) {
        (true, Some(pointer)) => Gesture::Click(pointer),
        _ => Gesture::Nothing,
    }
}

/// From where to where the pointer was drawn over a widget within one frame: neither a click nor a drag to egui, but
/// to somebody whose frames take long.
pub fn stroke_within_frame(ui: &Ui, response: &Response) -> Option<(Pos2, Pos2)> {
    /// egui takes less for a click.
    const LEAST: f32 = 6.0;
    let stroke = ui.input(|input| {
        let mut begun = None;
        let mut stroke = None;
        for event in &input.events {
            let Event::PointerButton {
                pos,
                button: PointerButton::Primary,
                pressed,
                ..
            } = event
            else {
                continue;
            };
            match pressed {
                true => begun = Some(*pos),
                false => stroke = begun.take().map(|from| (from, *pos)),
            }
        }
        stroke
    });
    stroke.filter(|(from, to)| {
        response.rect.contains(*from)
            && from.distance(*to) > LEAST
            && ui.ctx().layer_id_at(*from) == Some(ui.layer_id())
    })
}

/// A point to paint.
pub struct Dot {
    /// Position on the screen, in pixels.
    pub position: Pos2,
    /// In pixels.
    pub radius: f32,
    pub colour: Color32,
    /// A cross instead of a disc.
    pub cross: bool,
    pub ring: bool,
}

/// Paints points, the ringed ones on top.
pub fn paint(ui: &Ui, rect: Rect, dots: &[Dot]) {
    let painter = ui.painter_at(rect);
    let ink = ui.visuals().strong_text_color();
    let (ringed, plain): (Vec<&Dot>, Vec<&Dot>) = dots.iter().partition(|dot| dot.ring);
    let plain = match plain.len() > MANY {
        true => {
            painter.add(mesh(&plain));
            Vec::new()
        }
        false => plain,
    };
    for dot in plain.into_iter().chain(ringed) {
        let Dot {
            position,
            radius,
            colour,
            ..
        } = *dot;
        if dot.cross {
            let arm = radius * 0.9;
            let stroke = Stroke::new(radius * 0.6, colour);
            for arm in [vec2(arm, arm), vec2(arm, -arm)] {
                painter.line_segment([position - arm, position + arm], stroke);
            }
        } else {
            painter.circle_filled(position, radius, colour);
        }
        if dot.ring {
            painter.circle_stroke(position, radius + 2.0, Stroke::new(1.5, ink));
        }
    }
}

/// More points are squares and strokes of one mesh, without smooth edges.
const MANY: usize = 6000;

/// Points as one mesh.
fn mesh(dots: &[&Dot]) -> Mesh {
    let mut mesh = Mesh::default();
    let mut quad = |centre: Pos2, along: Vec2, across: Vec2, colour: Color32| {
        let first = mesh.vertices.len() as u32;
        for corner in [
            -along - across,
            along - across,
            along + across,
            across - along,
        ] {
            mesh.colored_vertex(centre + corner, colour);
        }
        mesh.add_triangle(first, first + 1, first + 2);
        mesh.add_triangle(first, first + 2, first + 3);
    };
    for dot in dots {
        let Dot {
            position,
            radius,
            colour,
            ..
        } = **dot;
        if dot.cross {
            let (arm, half) = (radius * 0.9, radius * 0.25);
            for along in [vec2(arm, arm), vec2(arm, -arm)] {
                quad(position, along, along.rot90().normalized() * half, colour);
            }
        } else {
            let half = radius * 0.85;
            quad(position, vec2(half, 0.0), vec2(0.0, half), colour);
        }
    }
    mesh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_encloses_what_is_inside_also_where_it_bends() {
        // The letter U.
        let corners = [
            (0., 0.),
            (1., 0.),
            (1., 2.),
            (2., 2.),
            (2., 0.),
            (3., 0.),
            (3., 3.),
            (0., 3.),
        ];
        let line: Vec<Pos2> = corners.iter().map(|(x, y)| pos2(*x, *y)).collect();
        for (x, y, inside) in [
            (0.5, 1.0, true),
            (1.5, 1.0, false),
            (2.5, 1.0, true),
            (1.5, 2.5, true),
            (4.0, 1.0, false),
        ] {
            assert_eq!(is_inside(&line, pos2(x, y)), inside, "{x} {y}");
        }
        assert!(!is_inside(&[], pos2(0.0, 0.0)));
    }
}
