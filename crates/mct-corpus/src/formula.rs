//! Cells of tables that a spreadsheet would take for a formula and run.

use std::borrow::Cow;

/// The cell with a quote in front where it begins as a formula does and is no number; other cells as they are.
pub fn defused(cell: &str) -> Cow<'_, str> {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    match is_formula && cell.parse::<f64>().is_err() {
        true => Cow::Owned(format!("'{cell}")),
        false => Cow::Borrowed(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text_and_numbers_stay() {
        assert_eq!(defused("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(defused("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(defused("-clip"), "'-clip");
        for same in ["-0.5", "+1e3", "clip", "", "–"] {
            assert_eq!(defused(same), same);
        }
    }
}
