//! The order of names.

use std::cmp::Ordering;

/// By letters, and by numbers as numbers: clip2 before clip10.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits = |text: &str| {
            let end = text.find(|c: char| !c.is_ascii_digit());
            end.unwrap_or(text.len())
        };
        let (x, y) = (digits(a), digits(b));
        if x > 0 && y > 0 {
            // Of any length: without zeros in front, a longer one is larger.
            let (left, right) = (
                a[..x].trim_start_matches('0'),
                b[..y].trim_start_matches('0'),
            );
            let ordering = left.len().cmp(&right.len()).then(left.cmp(right));
            if ordering != Ordering::Equal {
                return ordering;
            }
            (a, b) = (&a[x..], &b[y..]);
            continue;
        }
        let (mut left, mut right) = (a.chars(), b.chars());
        match (left.next(), right.next()) {
            (Some(x), Some(y)) if x == y => (a, b) = (left.as_str(), right.as_str()),
            (x, y) => return x.cmp(&y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_as_numbers() {
        let mut names = [
            "clip10", "clip2", "clip", "clip2b", "b1", "clip02a", "007", "40",
        ];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(
            names,
            [
                "007", "40", "b1", "clip", "clip2", "clip02a", "clip2b", "clip10"
            ]
        );
    }
}
