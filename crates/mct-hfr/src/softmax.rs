//! Softmax of attention scores.
//!
//! The CPU backend calls the system's exponential value by value, which took half the time of an
//! evaluation. Where no gradient is asked for, weights on the CPU are computed here instead, several
//! values at once.

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

use crate::device::is_plain_cpu;

/// `softmax(scores + bias)` over the keys: scores `[batch, heads, queries, keys]`, bias
/// `[batch, 1, 1, keys]`.
pub fn biased_softmax(scores: Tensor<4>, bias: Option<&Tensor<4>>) -> Tensor<4> {
    if is_plain_cpu(&scores.device()) {
        return on_cpu(scores, bias);
    }
    by_backend(scores, bias)
}

fn by_backend(scores: Tensor<4>, bias: Option<&Tensor<4>>) -> Tensor<4> {
    let scores = match bias {
        Some(bias) => scores + bias.clone(),
        None => scores,
    };
    softmax(scores, 3)
}

/// Takes the scores, so that their memory becomes that of the weights.
fn on_cpu(scores: Tensor<4>, bias: Option<&Tensor<4>>) -> Tensor<4> {
    let [batch, heads, queries, keys] = scores.dims();
    let device = scores.device();
    let none = || Ok(vec![0.0; batch * keys]);
    let each_key = bias.map_or_else(none, |bias| bias.clone().into_data().try_into_vec());
    let mut data = scores.into_data();
    let (Ok(each_key), Ok(values)) = (each_key, data.as_mut_slice::<f32>()) else {
        // Not f32.
        return by_backend(Tensor::from_data(data, &device), bias);
    };
    let samples = values.chunks_exact_mut(heads * queries * keys);
    for (sample, bias) in samples.zip(each_key.chunks_exact(keys)) {
        softmax_rows(sample, bias);
    }
    Tensor::from_data(data, &device)
}

/// Values that are worked on at once: the compiler makes vector instructions of such arrays.
const LANES: usize = 16;

/// Compiled once for each kind of vector instructions; the processor's own are taken. No sum depends
/// on which.
#[macerator::with_simd]
#[allow(
    clippy::extra_unused_type_parameters,
    reason = "names the kind of vector instructions"
)]
fn softmax_rows<S: macerator::Simd>(rows: &mut [f32], bias: &[f32]) {
    for row in rows.chunks_exact_mut(bias.len()) {
        softmax_row(row, bias);
    }
}

#[inline(always)]
fn softmax_row(row: &mut [f32], bias: &[f32]) {
    let mut most = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = row.as_chunks_mut::<LANES>();
    let (bias_chunks, bias_rest) = bias.as_chunks::<LANES>();
    for (chunk, bias) in chunks.iter_mut().zip(bias_chunks) {
        for lane in 0..LANES {
            chunk[lane] += bias[lane];
            if chunk[lane] > most[lane] {
                most[lane] = chunk[lane];
            }
        }
    }
    for (x, bias) in rest.iter_mut().zip(bias_rest) {
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
    for x in rest.iter_mut() {
        [*x] = exp([*x - most]);
        sums[0] += *x;
    }
    let scale = 1.0 / sums.iter().sum::<f32>();
    for x in row {
        *x *= scale;
    }
}

/// `e^x` for each `x <= 0` within 2e-7 of it, relatively; 0 where that is below the smallest normal
/// number. After Cephes (Moshier): `e^x = 2^n e^r` with a whole `n`, and a polynomial for `e^r`. One
/// operation after the other on all lanes, without a branch.
#[inline(always)]
#[expect(
    clippy::excessive_precision,
    reason = "the constants as they were published"
)]
fn exp<const N: usize>(x: [f32; N]) -> [f32; N] {
    /// Adding it leaves a whole number in the last bits.
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
    use burn::tensor::{Device, TensorData};

    #[test]
    fn the_exponential_is_that_of_the_system() {
        for step in 0..87_000 {
            let x = -(step as f32) / 1000.0;
            let (fast, exact) = (f64::from(exp([x])[0]), f64::from(x).exp());
            assert!((fast / exact - 1.0).abs() < 2e-7, "{x}: {fast} {exact}");
        }
        assert_eq!(exp([0.0, -88.0, -1e9]), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn weights_are_those_of_the_backend_and_padding_has_none() {
        let device = Device::flex();
        // 21 keys: whole lanes and a rest.
        let values: Vec<f32> = (0..2 * 3 * 4 * 21)
            .map(|i| ((i * 37 % 101) as f32 - 50.0) / 7.0)
            .collect();
        let scores = Tensor::<4>::from_data(TensorData::new(values, [2, 3, 4, 21]), &device);
        let mut bias = vec![0.0f32; 42];
        bias[17..21].fill(-1e9);
        let bias = Tensor::<4>::from_data(TensorData::new(bias, [2, 1, 1, 21]), &device);
        let own = biased_softmax(scores.clone(), Some(&bias));
        let backend = softmax(scores + bias, 3);
        let own: Vec<f32> = own.into_data().try_into_vec().unwrap();
        let backend: Vec<f32> = backend.into_data().try_into_vec().unwrap();
        for (own, backend) in own.iter().zip(&backend) {
            assert!((own - backend).abs() < 1e-6);
        }
        assert!(
            own[..3 * 4 * 21]
                .chunks(21)
                .all(|row| row[17..] == [0.0; 4])
        );
    }
}
