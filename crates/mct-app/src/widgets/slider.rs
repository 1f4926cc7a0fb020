//! Sliders that also answer to a click that begins and ends within one frame.

use std::ops::RangeInclusive;

use eframe::egui::{Rect, Response, Sense, Slider, Ui, emath::Numeric, vec2};

/// Width of the knob of egui's theme, as a share of its height.
const HANDLE: f32 = 0.75;

/// A slider with its name, whose values are multiples of `step` from the least one.
pub fn slider<N: Numeric>(
    ui: &mut Ui,
    value: &mut N,
    range: RangeInclusive<N>,
    step: f64,
    name: &str,
) -> Response {
    let (low, high) = (range.start().to_f64(), range.end().to_f64());
    let own = Slider::new(value, range).step_by(step).text(name);
    let own = match high > 1.0 {
        true => own.max_decimals(1),
        false => own.fixed_decimals(2),
    };
    let mut response = ui.add(own);
    // egui's slider knows drags alone: where a frame takes long, a click is none.
    let size = vec2(ui.spacing().slider_width, response.rect.height());
    let rail = Rect::from_min_size(response.rect.min, size);
    let click = ui.interact(rail, response.id.with("click"), Sense::CLICK);
    if click.clicked()
        && !response.drag_stopped()
        && ui.is_enabled()
        && let Some(pointer) = click.interact_pointer_pos()
    {
        // The knob stays within the rail.
        let ends = rail
            .x_range()
            .shrink(ui.spacing().interact_size.y / 2.5 * HANDLE);
        let share = (pointer.x - ends.min) / ends.span().max(1.0);
        let steps = (f64::from(share.clamp(0.0, 1.0)) * (high - low) / step).round();
        let wanted = N::from_f64((low + steps * step).min(high));
        if wanted != *value {
            *value = wanted;
            response.mark_changed();
        }
    }
    // So that the arrow keys go on from where the pointer let go.
    if response.drag_stopped() || click.clicked() {
        response.request_focus();
    }
    response
}
