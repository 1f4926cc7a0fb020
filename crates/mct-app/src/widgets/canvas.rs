//! A plane with points that can be moved, zoomed and selected from.

use eframe::egui::{Color32, Pos2, Rect, Response, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

/// What is seen of the plane.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// Set by hand: the middle, and pixels a unit. `None` shows all points.
    own: Option<(Pos2, f32)>,
    /// Where a rectangle was begun, in pixels.
    corner: Option<Pos2>,
}

/// From the plane to the screen.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    pub rect: Rect,
    middle: Pos2,
    scale: f32,
}

impl Frame {
    pub fn to_screen(self, [x, y]: [f32; 2]) -> Pos2 {
        // The y axis points up.
        let offset = vec2(x - self.middle.x, self.middle.y - y) * self.scale;
        self.rect.center() + offset
    }
}

/// What a person has done with the plane in this frame.
pub enum Done {
    Nothing,
    /// Clicked at this point of the screen.
    Click(Pos2),
    /// Drawn a rectangle on the screen.
    Rectangle(Rect),
}

/// Takes the room that there is for a plane that shows `places`.
pub fn show(ui: &mut Ui, look: &mut Look, places: &[[f32; 2]]) -> (Response, Frame, Done) {
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    let frame = match look.own {
        Some((middle, scale)) => Frame {
            rect,
            middle,
            scale,
        },
        None => whole(rect, places),
    };
    ui.painter()
        .rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    let done = act(ui, look, frame, &response);
    (response, frame, done)
}

/// All points with some room around them.
fn whole(rect: Rect, places: &[[f32; 2]]) -> Frame {
    let mut bounds = Rect::NOTHING;
    for [x, y] in places {
        bounds.extend_with(pos2(*x, *y));
    }
    if !bounds.is_finite() || places.is_empty() {
        bounds = Rect::from_min_max(pos2(-1.0, -1.0), pos2(1.0, 1.0));
    }
    let room = (rect.size() - vec2(24.0, 24.0)).max(vec2(1.0, 1.0));
    let size = bounds.size().max(vec2(1e-6, 1e-6));
    Frame {
        rect,
        middle: bounds.center(),
        scale: (room.x / size.x).min(room.y / size.y),
    }
}

fn act(ui: &Ui, look: &mut Look, frame: Frame, response: &Response) -> Done {
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
            look.own = Some((frame.middle + moved, scale));
        }
    }
    if response.double_clicked() {
        look.own = None;
        return Done::Nothing;
    }
    let moves = ui.input(|input| input.pointer.secondary_down() || input.pointer.middle_down());
    if response.dragged() && moves {
        let by = response.drag_delta() / frame.scale;
        look.own = Some((frame.middle - vec2(by.x, -by.y), frame.scale));
        return Done::Nothing;
    }
    if response.drag_started() && !moves {
        look.corner = ui.input(|input| input.pointer.press_origin());
    }
    let pointer = response.interact_pointer_pos();
    if let (Some(corner), Some(pointer)) = (look.corner, pointer) {
        let drawn = Rect::from_two_pos(corner, pointer);
        if response.drag_stopped() {
            look.corner = None;
            return Done::Rectangle(drawn);
        }
        let stroke = Stroke::new(1.0, ui.visuals().text_color());
        ui.painter()
            .rect_stroke(drawn, 0.0, stroke, StrokeKind::Inside);
        return Done::Nothing;
    }
    look.corner = None;
    match (response.clicked(), pointer) {
        (true, Some(pointer)) => Done::Click(pointer),
        _ => Done::Nothing,
    }
}

/// A point of the plane.
pub struct Dot {
    pub at: Pos2,
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
    let (above, below): (Vec<&Dot>, Vec<&Dot>) = dots.iter().partition(|dot| dot.ring);
    for dot in below.into_iter().chain(above) {
        let Dot {
            at, radius, colour, ..
        } = *dot;
        if dot.cross {
            let arm = radius * 0.9;
            let stroke = Stroke::new(radius * 0.6, colour);
            painter.line_segment([at + vec2(-arm, -arm), at + vec2(arm, arm)], stroke);
            painter.line_segment([at + vec2(-arm, arm), at + vec2(arm, -arm)], stroke);
        } else {
            painter.circle_filled(at, radius, colour);
        }
        if dot.ring {
            painter.circle_stroke(at, radius + 2.0, Stroke::new(1.5, ink));
        }
    }
}
