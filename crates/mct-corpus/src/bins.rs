//! Intensities as classes: the bins that the field scores sentiment by.
//!
//! On the scale -3 to 3 of CMU-MOSI and CMU-MOSEI values are rounded to the nearest whole number within
//! the outermost classes, halves to the even one as numpy does. On the scale -1 to 1 of CH-SIMS the edges
//! are those of its authors. Both as in the scores of MMSA (`MetricsTop`).

use serde::{Deserialize, Serialize};

use crate::metadata::Target;

/// How many bins an intensity falls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bins {
    /// Below, at and above zero.
    Sign,
    /// Acc-2: negative or not on -3 to 3, positive or not on -1 to 1.
    Two,
    /// Acc-3.
    Three,
    /// Acc-5.
    Five,
    /// Acc-7, on the scale -3 to 3 only.
    Seven,
}

/// A scale whose bins the field has agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// -3 to 3.
    Mosi,
    /// -1 to 1.
    Sims,
}

impl Scale {
    /// The scale of a target; `None` for all others.
    pub fn of(target: &Target) -> Option<Self> {
        match target.range {
            [-3.0, 3.0] => Some(Self::Mosi),
            [-1.0, 1.0] => Some(Self::Sims),
            _ => None,
        }
    }

    /// The bins that it has.
    pub const fn bins(self) -> &'static [Bins] {
        match self {
            Self::Mosi => &[Bins::Sign, Bins::Two, Bins::Three, Bins::Five, Bins::Seven],
            Self::Sims => &[Bins::Sign, Bins::Two, Bins::Three, Bins::Five],
        }
    }
}

impl Bins {
    /// As the command line writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Two => "2",
            Self::Three => "3",
            Self::Five => "5",
            Self::Seven => "7",
        }
    }

    /// Names of the bins in ascending order.
    pub const fn classes(self, scale: Scale) -> &'static [&'static str] {
        match (self, scale) {
            (Self::Two, Scale::Mosi) => &["negative", "non-negative"],
            (Self::Two, Scale::Sims) => &["negative or neutral", "positive"],
            (Self::Sign | Self::Three, _) => &["negative", "neutral", "positive"],
            (Self::Five, Scale::Mosi) => &["-2", "-1", "0", "1", "2"],
            (Self::Five | Self::Seven, Scale::Sims) => &[
                "negative",
                "weakly negative",
                "neutral",
                "weakly positive",
                "positive",
            ],
            (Self::Seven, Scale::Mosi) => &["-3", "-2", "-1", "0", "1", "2", "3"],
        }
    }

    /// The bin of `value`, an index into [`Bins::classes`].
    pub fn bin(self, scale: Scale, value: f32) -> usize {
        let above = |edges: &[f32]| edges.iter().filter(|edge| value > **edge).count();
        let rounded = |most: f32| {
            let whole = value.clamp(-most, most).round_ties_even();
            (whole + most) as usize
        };
        match (self, scale) {
            (Self::Sign, _) => usize::from(value >= 0.0) + usize::from(value > 0.0),
            (Self::Two, Scale::Mosi) => usize::from(value >= 0.0),
            (Self::Two, Scale::Sims) => above(&[0.0]),
            (Self::Three, Scale::Mosi) => rounded(1.0),
            (Self::Three, Scale::Sims) => above(&[-0.1, 0.1]),
            (Self::Five, Scale::Mosi) => rounded(2.0),
            (Self::Five | Self::Seven, Scale::Sims) => above(&[-0.7, -0.1, 0.1, 0.7]),
            (Self::Seven, Scale::Mosi) => rounded(3.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_the_bins_of_the_field() {
        let bin = |bins: Bins, scale, value| bins.classes(scale)[bins.bin(scale, value)];
        // numpy.round of -2.5, -0.5, 0.5, 1.5 is -2, -0, 0, 2.
        for (value, seven) in [
            (-2.5, "-2"),
            (-0.5, "0"),
            (0.5, "0"),
            (1.5, "2"),
            (2.51, "3"),
        ] {
            assert_eq!(bin(Bins::Seven, Scale::Mosi, value), seven, "{value}");
        }
        assert_eq!(bin(Bins::Seven, Scale::Mosi, 9.0), "3");
        assert_eq!(bin(Bins::Five, Scale::Mosi, -2.9), "-2");
        assert_eq!(bin(Bins::Three, Scale::Mosi, -0.51), "negative");
        assert_eq!(bin(Bins::Two, Scale::Mosi, 0.0), "non-negative");
        assert_eq!(bin(Bins::Sign, Scale::Mosi, 0.0), "neutral");
        assert_eq!(bin(Bins::Sign, Scale::Sims, -0.2), "negative");
        for (value, five) in [
            (-0.8, "negative"),
            (-0.6, "weakly negative"),
            (0.1, "neutral"),
            (0.2, "weakly positive"),
            (1.2, "positive"),
        ] {
            assert_eq!(bin(Bins::Five, Scale::Sims, value), five, "{value}");
        }
        assert_eq!(bin(Bins::Two, Scale::Sims, 0.0), "negative or neutral");
    }

    #[test]
    fn a_scale_is_known_by_its_ends() {
        let target = |range| Target {
            name: "sentiment".into(),
            range,
        };
        assert_eq!(Scale::of(&target([-3.0, 3.0])), Some(Scale::Mosi));
        assert_eq!(Scale::of(&target([-1.0, 1.0])), Some(Scale::Sims));
        assert_eq!(Scale::of(&target([0.0, 1.0])), None);
    }
}
