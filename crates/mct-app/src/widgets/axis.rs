//! Axes of plots, whose marks are as near each other as their labels allow, and all have one.

use std::ops::RangeInclusive;

use eframe::egui::emath::format_with_decimals_in_range;
use egui_plot::{AxisHints, GridInput, GridMark, Plot};

/// Points between two marks across, at least.
const ACROSS: f64 = 44.0;

/// Points between two marks upwards, at least: an eighth of the axis, within these.
const UPWARDS: (f64, f64) = (18.0, 40.0);

/// The points that egui's plots give as the size of a base step.
const BASE: f64 = 8.0;

/// The plot over missing rates, with a mark at each rate that is evaluated.
pub fn over_rates<'a>(plot: Plot<'a>, label: &str) -> Plot<'a> {
    let rates = AxisHints::new_x().label(label).label_spacing(18.0..=30.0);
    plot.custom_x_axes(vec![
        rates.formatter(|mark, _| format!("{:.1}", mark.value)),
    ])
    .include_x(0.0)
    .include_x(0.9)
    .x_grid_spacer(egui_plot::uniform_grid_spacer(|_| [1.0, 0.2, 0.1]))
}

/// The plot over steps or epochs, which are whole.
pub fn over_counts<'a>(plot: Plot<'a>, label: &str) -> Plot<'a> {
    let counts = AxisHints::new_x().label(label).label_spacing(1.0..=2.0);
    plot.custom_x_axes(vec![counts.formatter(labelled)])
        .x_grid_spacer(Box::new(|input: GridInput| {
            let least = input.base_step_size / BASE * ACROSS;
            multiples(nice(least).max(1.0), input.bounds)
        }))
}

/// The plot of values with this name, which are logarithms to base 10 where `is_log`.
pub fn of_values<'a>(plot: Plot<'a>, label: &str, is_log: bool) -> Plot<'a> {
    let values = AxisHints::new_y().label(label).label_spacing(1.0..=2.0);
    let plot = plot.y_grid_spacer(Box::new(move |input: GridInput| {
        let point = input.base_step_size / BASE;
        let (low, high) = input.bounds;
        let least = ((high - low) / 8.0).min(UPWARDS.1 * point);
        let least = least.max(UPWARDS.0 * point);
        match is_log {
            true => logarithms(least, input.bounds),
            false => multiples(nice(least), input.bounds),
        }
    }));
    plot.custom_y_axes(vec![match is_log {
        true => values.formatter(|mark, _| power(mark)),
        false => values.formatter(labelled),
    }])
}

/// The least of 1, 2 and 5 times a power of ten that is not below `least`.
fn nice(least: f64) -> f64 {
    let power = 10f64.powf(least.max(1e-300).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
    let fits = steps.into_iter().find(|step| *step >= least * (1.0 - 1e-9));
    fits.unwrap_or(10.0 * power)
}

/// Marks at the multiples of `step`.
fn multiples(step: f64, (low, high): (f64, f64)) -> Vec<GridMark> {
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    // A plot that has no size yet, or values beyond what a step can tell apart.
    let count = last - first;
    if !step.is_finite() || count.is_nan() || count > 1000.0 || first.abs() > 1e15 {
        return Vec::new();
    }
    let numbers = first as i64..=last as i64;
    let value = |number| number as f64 * step;
    let marks = numbers.map(|number| GridMark {
        value: value(number),
        step_size: step,
    });
    marks.collect()
}

/// Marks of an axis of logarithms, a little nearer each other where there would be only one.
fn logarithms(least: f64, bounds: (f64, f64)) -> Vec<GridMark> {
    match logarithms_at(least, bounds) {
        marks if marks.len() > 1 => marks,
        _ => logarithms_at(least * 0.6, bounds),
    }
}

/// Marks of an axis of logarithms: at powers of ten, with 2 and 5 times them where there is room, or within a decade at
/// even steps of the value.
fn logarithms_at(least: f64, (low, high): (f64, f64)) -> Vec<GridMark> {
    if high - low < 1.0 {
        // The logarithms of the highest two values are nearest each other.
        let top = 10f64.powf(high);
        let step = nice(top * (1.0 - 10f64.powf(-least)));
        let mut marks = multiples(step, (10f64.powf(low), top));
        marks.retain(|mark| mark.value > 0.0);
        for mark in &mut marks {
            mark.step_size = (1.0 + step / mark.value).log10();
            mark.value = mark.value.log10();
        }
        return marks;
    }
    let mut marks = multiples(least.ceil().max(1.0), (low - 1.0, high));
    if least <= 2f64.log10() {
        let between = |mark: &GridMark, digit: f64| GridMark {
            value: mark.value + digit.log10(),
            step_size: 2f64.log10(),
        };
        let further = marks.iter();
        let further = further.flat_map(|mark| [2.0, 5.0].map(|digit| between(mark, digit)));
        marks.extend(further.collect::<Vec<_>>());
    }
    marks.retain(|mark| mark.value >= low && mark.value <= high);
    marks
}

/// As many decimals as the step between two marks has.
fn labelled(mark: GridMark, _shown: &RangeInclusive<f64>) -> String {
    let decimals = (-mark.step_size.log10() - 1e-9).ceil().max(0.0) as usize;
    format_with_decimals_in_range(mark.value, decimals..=decimals)
}

/// The value of a logarithm, as far as the step to the next mark has digits.
fn power(mark: GridMark) -> String {
    let value = 10f64.powf(mark.value);
    let step = value * (10f64.powf(mark.step_size.min(1.0)) - 1.0);
    let place = |value: f64| (value.log10() + 1e-9).floor();
    match mark.value {
        -3.0..5.0 => format!("{value:.*}", (-place(step)).max(0.0) as usize),
        _ => format!(
            "{value:.*e}",
            (place(value) - place(step)).max(0.0) as usize
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(marks: &[GridMark]) -> Vec<String> {
        let all = 0.0..=1.0;
        marks.iter().map(|mark| labelled(*mark, &all)).collect()
    }

    #[test]
    fn steps_are_round_and_every_mark_says_its_value() {
        for (least, step) in [
            (0.03, 0.05),
            (0.05, 0.05),
            (0.051, 0.1),
            (1.2, 2.0),
            (7.0, 10.0),
        ] {
            assert!(
                (nice(least) - step).abs() < 1e-12,
                "{least}: {}",
                nice(least)
            );
        }
        assert_eq!(labels(&multiples(0.5, (-0.1, 1.2))), ["0.0", "0.5", "1.0"]);
        assert_eq!(
            labels(&multiples(0.05, (0.0, 0.11))),
            ["0.00", "0.05", "0.10"]
        );
        assert_eq!(
            labels(&multiples(200.0, (150.0, 650.0))),
            ["200", "400", "600"]
        );
        assert_eq!(multiples(f64::MIN_POSITIVE, (0.0, 1.0)), []);
        assert_eq!(multiples(1.0, (f64::NAN, 1.0)), []);
        assert_eq!(multiples(f64::INFINITY, (0.0, 1.0)), []);
    }

    #[test]
    fn a_logarithmic_axis_has_marks_at_round_values() {
        let shown = |least: f64, low: f64, high: f64| {
            let mut marks = logarithms(least, (low.log10(), high.log10()));
            marks.sort_by(|a, b| a.value.total_cmp(&b.value));
            let own: Vec<String> = marks.iter().map(|mark| power(*mark)).collect();
            own
        };
        assert_eq!(shown(0.2, 0.09, 3.0), ["0.1", "0.2", "0.5", "1", "2"]);
        assert_eq!(shown(0.5, 0.02, 200.0), ["0.1", "1", "10", "100"]);
        assert_eq!(shown(1.6, 1e-5, 200.0), ["1e-4", "0.01", "1", "100"]);
        // Less than a decade, down to a few per cent.
        assert_eq!(shown(0.1, 0.9, 3.0), ["1", "2", "3"]);
        assert_eq!(
            shown(0.004, 0.975, 1.035),
            ["0.98", "0.99", "1.00", "1.01", "1.02", "1.03"]
        );
        // Also far from 1, and where there is hardly room.
        assert_eq!(
            shown(0.05, 1.05e5, 1.95e5),
            ["1.2e5", "1.4e5", "1.6e5", "1.8e5"]
        );
        assert_eq!(
            shown(0.02, 2.05e-4, 2.75e-4),
            ["2.2e-4", "2.4e-4", "2.6e-4"]
        );
        assert!(shown(0.25, 0.42, 3.2).len() > 1);
        let marks = logarithms(0.1, (0.0, 0.4));
        let at: Vec<f64> = marks.iter().map(|mark| mark.value).collect();
        assert_eq!(at, [0.0, 2f64.log10()]);
    }
}
