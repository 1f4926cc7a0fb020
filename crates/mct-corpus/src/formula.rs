//! Cells of tables that a spreadsheet would take for a formula and run.

use std::borrow::Cow;

/// The cell with a quote in front where a spreadsheet would run it; other cells as they are. Ids and intervals
/// begin with a sign, too: a formula that begins so and does harm calls something.
pub fn defused(cell: &str) -> Cow<'_, str> {
    let calls = || cell.contains(['(', '|', '!']);
    let is_formula = cell.starts_with(['=', '@', '\t', '\r'])
        || (cell.starts_with(['+', '-']) && calls() && cell.parse::<f64>().is_err());
    match is_formula {
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
        assert_eq!(defused("-2+3+cmd|' /C calc'!A0"), "'-2+3+cmd|' /C calc'!A0");
        assert_eq!(defused("+SUM(A1)"), "'+SUM(A1)");
        for same in [
            "-0.5",
            "+1e3",
            "clip",
            "",
            "–",
            "-3g5yACwYnA_3",
            "+1.20 to +3.40",
        ] {
            assert_eq!(defused(same), same);
        }
    }
}
