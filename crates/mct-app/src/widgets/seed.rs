//! The field of a seed.

use eframe::egui::DragValue;

/// The largest seed: up to it a number is the same in every file and language.
const MOST: u64 = (1 << 53) - 1;

/// A field for a seed. What is no whole number leaves the seed as it was.
pub fn seed(value: &mut u64) -> DragValue<'_> {
    DragValue::new(value)
        .speed(0.05)
        .range(0..=MOST)
        .custom_parser(|text| {
            let number: u64 = text.trim().parse().ok()?;
            (number <= MOST).then_some(number as f64)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_seed_is_shown_as_it_is() {
        assert_eq!(MOST as f64 as u64, MOST);
    }
}
