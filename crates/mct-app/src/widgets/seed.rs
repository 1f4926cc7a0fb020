//! The field of a seed.

use std::cell::Cell;

use eframe::egui::{DragValue, Response, Tooltip, Ui};

/// The largest seed: up to it a number is the same in every file and language.
const MOST: u64 = (1 << 53) - 1;

/// So long a refusal is said, in seconds.
const SAID_FOR: f64 = 8.0;

/// A field for a seed. What is no seed leaves it as it was, and is said.
pub fn seed(ui: &mut Ui, value: &mut u64) -> Response {
    let refused = Cell::new(None);
    let response = ui.add(
        DragValue::new(value)
            .speed(0.05)
            .range(0..=MOST)
            // The first digits of a number that is too large would be taken.
            .update_while_editing(false)
            .custom_parser(|text| {
                let seed = parsed(text);
                refused.set(Some(seed.is_none()));
                seed.map(|seed| seed as f64)
            }),
    );
    let id = response.id.with("refused");
    let now = ui.input(|input| input.time);
    ui.data_mut(|data| match refused.get() {
        Some(true) => {
            data.insert_temp(id, now);
        }
        Some(false) => {
            data.remove_temp::<f64>(id);
        }
        None => {}
    });
    let since = ui.data(|data| data.get_temp::<f64>(id));
    if since.is_some_and(|since| now < since + SAID_FOR) {
        // Over the panes: in them it would push away what is beside it.
        Tooltip::always_open(ui.ctx().clone(), ui.layer_id(), id, &response).show(|ui| {
            let text = format!("unchanged: expected a whole number, 0 to {MOST}");
            ui.colored_label(ui.visuals().warn_fg_color, text);
        });
        ui.ctx().request_repaint_after_secs(1.0);
    }
    response
}

fn parsed(text: &str) -> Option<u64> {
    let number: u64 = text.trim().parse().ok()?;
    (number <= MOST).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_seed_is_refused_and_the_largest_is_shown_as_it_is() {
        assert_eq!(MOST as f64 as u64, MOST);
        assert_eq!(parsed(" 7 "), Some(7));
        assert_eq!(parsed("9007199254740991"), Some(MOST));
        for text in ["9007199254740992", "99999999999999999999", "-5", "1.5", ""] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
