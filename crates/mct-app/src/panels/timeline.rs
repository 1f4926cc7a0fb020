//! Lanes over a common time axis, of which a part can be looked at closer.

use eframe::egui::{self, Align2, Color32, Pos2, Rect, Sense, Stroke, TextStyle, Ui, pos2, vec2};

/// Width of the names on the left, in points.
const LEFT: f32 = 70.0;

/// The least part of an utterance that is looked at.
const LEAST: f32 = 0.01;

/// The part that is drawn, as fractions of the duration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    from: f32,
    to: f32,
}

impl Default for View {
    fn default() -> Self {
        Self { from: 0.0, to: 1.0 }
    }
}

impl View {
    pub fn is_whole(self) -> bool {
        self == Self::default()
    }

    /// `factor` times closer, where the fraction `at` of the duration stays where it is.
    fn closer(self, factor: f32, at: f32) -> Self {
        let width = ((self.to - self.from) / factor).clamp(LEAST, 1.0);
        let share = (at - self.from) / (self.to - self.from);
        Self::within(at - share * width, width)
    }

    fn moved(self, by: f32) -> Self {
        Self::within(self.from + by, self.to - self.from)
    }

    /// Of this width, moved into the utterance.
    fn within(from: f32, width: f32) -> Self {
        let from = from.clamp(0.0, 1.0 - width);
        Self {
            from,
            to: from + width,
        }
    }

    /// The fraction of the duration at a position over `visible`.
    fn at(self, visible: Rect, x: f32) -> f32 {
        let share = (x - visible.left()) / visible.width().max(1.0);
        self.from + share * (self.to - self.from)
    }

    /// Where the whole utterance lies, of which `visible` is drawn.
    pub fn whole(self, visible: Rect) -> Rect {
        let width = visible.width() / (self.to - self.from);
        let left = visible.left() - self.from * width;
        Rect::from_x_y_ranges(left..=left + width, visible.y_range())
    }

    /// Follows the pointer over the lanes: closer or further (ctrl and wheel, or two fingers), and along (shift and
    /// wheel).
    pub fn follow(&mut self, ui: &Ui, lanes: Rect) {
        let Some(pointer) = ui
            .ctx()
            .pointer_hover_pos()
            .filter(|at| lanes.contains(*at))
        else {
            return;
        };
        let (zoom, along) = ui.input(|input| (input.zoom_delta(), input.smooth_scroll_delta().x));
        if zoom != 1.0 {
            *self = self.closer(zoom, self.at(lanes, pointer.x));
        }
        if along != 0.0 {
            *self = self.moved(-along / lanes.width().max(1.0) * (self.to - self.from));
        }
    }
}

/// The place of one sequence.
#[derive(Debug, Clone, Copy)]
pub struct Lane {
    /// What is seen of it.
    pub visible: Rect,
    /// Where the whole utterance lies.
    pub whole: Rect,
    /// The part of the whole that the sequence takes.
    pub area: Rect,
}

/// Allocates a lane, with its name on the left; the sequence takes the fraction `end` of the utterance.
pub fn lane(ui: &mut Ui, height: f32, end: f32, name: &str, view: View) -> Lane {
    let width = ui.available_width().max(LEFT + 40.0);
    let (all, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    let ink = ui.visuals().text_color();
    let font = TextStyle::Small.resolve(ui.style());
    ui.painter()
        .text(all.left_center(), Align2::LEFT_CENTER, name, font, ink);
    let visible = beside(all);
    let whole = view.whole(visible);
    let size = vec2(whole.width() * end.clamp(0.01, 1.0), height);
    Lane {
        visible,
        whole,
        area: Rect::from_min_size(whole.min, size),
    }
}

/// What is right of the names.
fn beside(all: Rect) -> Rect {
    Rect::from_min_max(pos2(all.left() + LEFT, all.top()), all.max)
}

/// Where the lanes are that were drawn since `top`.
pub fn lanes_since(ui: &Ui, top: f32) -> Rect {
    let left = ui.cursor().left();
    let right = left + ui.available_width().max(LEFT + 40.0);
    beside(Rect::from_min_max(
        pos2(left, top),
        pos2(right, ui.cursor().top()),
    ))
}

/// Covers the missing steps of an area that all steps share.
pub fn veil(ui: &Ui, area: Rect, missing: &[bool]) {
    // A grey that does not occur in the colour map, in both themes.
    let grey = Color32::from_gray(110).gamma_multiply(0.85);
    let width = area.width() / missing.len().max(1) as f32;
    for (step, _) in missing.iter().enumerate().filter(|(_, missing)| **missing) {
        let left = area.left() + step as f32 * width;
        let rect = Rect::from_x_y_ranges(left..=left + width, area.y_range());
        ui.painter().rect_filled(rect, 0.0, grey);
        let stroke = Stroke::new(1.0, Color32::from_gray(60));
        ui.painter().vline(rect.center().x, area.y_range(), stroke);
    }
}

/// The axis below the lanes. What is dragged over is looked at closer; a double click shows all of it.
pub fn axis(ui: &mut Ui, duration: f32, view: &mut View) -> egui::Response {
    let width = ui.available_width().max(LEFT + 40.0);
    let (all, response) = ui.allocate_exact_size(vec2(width, 16.0), Sense::click_and_drag());
    let visible = beside(all);
    let whole = view.whole(visible);
    let painter = ui.painter().with_clip_rect(all.expand2(vec2(20.0, 0.0)));
    let font = TextStyle::Small.resolve(ui.style());
    let ink = ui.visuals().weak_text_color();
    let seen = duration * (view.to - view.from);
    let interval = [
        0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0,
    ]
    .into_iter()
    .find(|interval| seen / interval <= 8.0)
    .unwrap_or(120.0);
    let first = (view.from * duration / interval).ceil() as usize;
    let last = (view.to * duration / interval + 1e-3).floor() as usize;
    for tick in first..=last {
        let secs = tick as f32 * interval;
        let x = whole.left() + whole.width() * secs / duration;
        painter.vline(x, all.top()..=all.top() + 4.0, Stroke::new(1.0, ink));
        let anchor = match tick {
            0 => Align2::LEFT_BOTTOM,
            _ if x + 18.0 > all.right() => Align2::RIGHT_BOTTOM,
            _ => Align2::CENTER_BOTTOM,
        };
        // As many digits as the interval has.
        let text = match interval {
            ..0.1 => format!("{secs:.2} s"),
            _ => format!("{} s", (secs * 100.0).round() / 100.0),
        };
        painter.text(pos2(x, all.bottom()), anchor, text, font.clone(), ink);
    }
    if response.double_clicked() {
        *view = View::default();
    }
    let begun = ui.input(|input| input.pointer.press_origin());
    if let (Some(begun), Some(now)) = (begun, response.interact_pointer_pos()) {
        let chosen = |from: Pos2, to: Pos2| {
            let (from, to) = (from.x.min(to.x), from.x.max(to.x));
            Rect::from_x_y_ranges(from..=to, all.y_range()).intersect(visible)
        };
        if response.dragged() {
            let fill = ui.visuals().selection.bg_fill.gamma_multiply(0.5);
            ui.painter().rect_filled(chosen(begun, now), 0.0, fill);
        }
    }
    if response.drag_stopped()
        && let (Some(begun), Some(now)) = (
            ui.data_mut(|data| data.get_temp::<f32>(response.id)),
            response.interact_pointer_pos(),
        )
    {
        let (from, to) = (begun.min(now.x), begun.max(now.x));
        let (from, to) = (
            view.at(visible, from).max(0.0),
            view.at(visible, to).min(1.0),
        );
        if to - from > LEAST {
            *view = View { from, to };
        }
    }
    if response.drag_started()
        && let Some(begun) = begun
    {
        ui.data_mut(|data| data.insert_temp(response.id, begun.x));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closer_view_keeps_what_is_pointed_at_and_stays_in_the_utterance() {
        let visible = Rect::from_x_y_ranges(100.0..=300.0, 0.0..=10.0);
        let all = View::default();
        let at = all.at(visible, 150.0);
        assert!((at - 0.25).abs() < 1e-6);
        let closer = all.closer(2.0, at);
        assert!((closer.at(visible, 150.0) - 0.25).abs() < 1e-6);
        assert!((closer.whole(visible).width() - 400.0).abs() < 1e-3);
        assert_eq!(closer.closer(0.1, at), all);
        let end = closer.moved(5.0);
        assert!((end.to - 1.0).abs() < 1e-6 && (end.to - end.from - 0.5).abs() < 1e-6);
        // Not closer than there is anything to see.
        let closest = all.closer(1e9, 1.0);
        assert!((closest.to - closest.from - LEAST).abs() < 1e-6);
    }
}
