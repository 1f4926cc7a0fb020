//! Vectorised softmax and its gradient, on rows of plain numbers.

/// Values computed together: the compiler vectorises loops over arrays of this length.
const LANES: usize = 16;

/// `softmax(row + bias)` in place of each row, all as long as `bias`.
///
/// Compiled per SIMD instruction set and dispatched at run time. No sum depends on which it is.
#[macerator::with_simd]
#[allow(
    clippy::extra_unused_type_parameters,
    reason = "names the SIMD instruction set"
)]
pub(crate) fn softmax_rows<S: macerator::Simd>(rows: &mut [f32], bias: &[f32]) {
    for row in rows.chunks_exact_mut(bias.len()) {
        softmax_row(row, bias);
    }
}

#[inline(always)]
fn softmax_row(row: &mut [f32], bias: &[f32]) {
    let mut most = [f32::NEG_INFINITY; LANES];
    let (chunks, tail) = row.as_chunks_mut::<LANES>();
    let (bias_chunks, bias_tail) = bias.as_chunks::<LANES>();
    for (chunk, bias) in chunks.iter_mut().zip(bias_chunks) {
        for lane in 0..LANES {
            chunk[lane] += bias[lane];
            if chunk[lane] > most[lane] {
                most[lane] = chunk[lane];
            }
        }
    }
    for (x, bias) in tail.iter_mut().zip(bias_tail) {
        *x += bias;
        most[0] = most[0].max(*x);
    }
    let most = most.iter().fold(f32::NEG_INFINITY, |most, x| most.max(*x));
    let mut sums = [0.0; LANES];
    for chunk in chunks.iter_mut() {
        *chunk = exp(chunk.map(|x| x - most));
        for lane in 0..LANES {
            sums[lane] += chunk[lane];
        }
    }
    for x in tail.iter_mut() {
        [*x] = exp([*x - most]);
        sums[0] += *x;
    }
    let scale = 1.0 / sums.iter().sum::<f32>();
    for x in row {
        *x *= scale;
    }
}

/// From `weights = softmax(scores)` and the loss's gradient with respect to the weights to that with
/// respect to the scores, in place: `weights * (gradient - sum(gradient * weights))`, row by row of
/// `keys`.
#[macerator::with_simd]
#[allow(
    clippy::extra_unused_type_parameters,
    reason = "names the SIMD instruction set"
)]
pub(crate) fn gradient_rows<S: macerator::Simd>(
    gradient: &mut [f32],
    weights: &[f32],
    keys: usize,
) {
    let rows = gradient.chunks_exact_mut(keys);
    for (gradient, weights) in rows.zip(weights.chunks_exact(keys)) {
        gradient_row(gradient, weights);
    }
}

#[inline(always)]
fn gradient_row(gradient: &mut [f32], weights: &[f32]) {
    let mut sums = [0.0; LANES];
    let (chunks, tail) = gradient.as_chunks::<LANES>();
    let (weight_chunks, weight_tail) = weights.as_chunks::<LANES>();
    for (g, w) in chunks.iter().zip(weight_chunks) {
        for lane in 0..LANES {
            sums[lane] += g[lane] * w[lane];
        }
    }
    for (g, w) in tail.iter().zip(weight_tail) {
        sums[0] += g * w;
    }
    let sum = sums.iter().sum::<f32>();
    for (g, w) in gradient.iter_mut().zip(weights) {
        *g = w * (*g - sum);
    }
}

/// `e^x` for each `x <= 0` with a relative error below 2e-7; 0 where the result is below the smallest
/// normal number. After Cephes (Moshier): `e^x = 2^n e^r` with an integer `n`, and a polynomial for
/// `e^r`. One operation after the other on all lanes, without a branch.
#[inline(always)]
#[expect(
    clippy::excessive_precision,
    reason = "the constants as they were published"
)]
fn exp<const N: usize>(x: [f32; N]) -> [f32; N] {
    /// Adding it leaves an integer in the last bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first of which has few bits.
    const LN_2: [f32; 2] = [0.693_359_375, -2.121_944_40e-4];
    const LEAST: f32 = -87.0;
    let kept = x.map(|x| u32::from(x >= LEAST).wrapping_neg());
    let shifted = x.map(|x| x * std::f32::consts::LOG2_E + ROUND);
    let mut r = x;
    let mut p = [1.987_569_150_0e-4; N];
    for lane in 0..N {
        let n = shifted[lane] - ROUND;
        r[lane] = r[lane] - n * LN_2[0] - n * LN_2[1];
    }
    for coefficient in [
        1.398_199_950_7e-3,
        8.333_451_907_3e-3,
        4.166_579_589_4e-2,
        1.666_666_545_9e-1,
        5.000_000_120_1e-1,
    ] {
        for lane in 0..N {
            p[lane] = p[lane] * r[lane] + coefficient;
        }
    }
    for lane in 0..N {
        let power = (shifted[lane].to_bits() << 23).wrapping_add(0x3F80_0000);
        let value = (p[lane] * r[lane] * r[lane] + r[lane] + 1.0) * f32::from_bits(power);
        p[lane] = f32::from_bits(value.to_bits() & kept[lane]);
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_the_system() {
        for step in 0..87_000 {
            let x = -(step as f32) / 1000.0;
            let (fast, exact) = (f64::from(exp([x])[0]), f64::from(x).exp());
            assert!((fast / exact - 1.0).abs() < 2e-7, "{x}: {fast} {exact}");
        }
        assert_eq!(exp([0.0, -88.0, -1e9]), [1.0, 0.0, 0.0]);
    }
}
