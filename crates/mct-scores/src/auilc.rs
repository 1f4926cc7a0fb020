//! The area under the indicators line chart (eq. 19).

/// The missing rates of the paper's evaluation.
pub const PAPER_RATES: [f64; 10] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// Area under `scores` over the missing `rates` by the trapezoidal rule (eq. 19). As in the paper it is
/// not divided by the width of the range, so that its maximum over rates 0 to 0.9 is 0.9.
///
/// Both slices have one entry per rate.
pub fn auilc(rates: &[f64], scores: &[f64]) -> f64 {
    let intervals = rates.windows(2).zip(scores.windows(2));
    intervals
        .map(|(rate, score)| (score[0] + score[1]) / 2.0 * (rate[1] - rate[0]))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auilc_is_the_trapezoid_sum() {
        assert!((auilc(&PAPER_RATES, &[1.0; 10]) - 0.9).abs() < 1e-12);
        assert!((auilc(&[0.0, 0.5], &[0.8, 0.4]) - 0.3).abs() < 1e-12);
        assert_eq!(auilc(&[0.3], &[0.5]), 0.0);
    }
}
