//! The Gaussian error linear unit.
//!
//! burn's CPU backend computes the error function value by value: a third of the time of wav2vec 2.0. On
//! the CPU it is computed here, vectorised.

use burn::backend::Flex;
use burn::tensor::activation::gelu as by_backend;
use burn::tensor::{DType, Device, Tensor};
use burn_flex::FlexTensor;
#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;

/// Values computed together: the compiler vectorises loops over arrays of this length.
const LANES: usize = 16;
/// Values that one thread computes at a time.
const BLOCK: usize = 1 << 14;

/// `x` times the share of a normal distribution below it.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if x.device() != Device::flex() || x.device().is_autodiff() || x.dtype() != DType::F32 {
        return by_backend(x);
    }
    let spare = x.clone();
    let Ok(x) = x.try_into_primitive::<Flex>() else {
        return by_backend(spare);
    };
    drop(spare); // Its memory becomes that of the result, where nothing else holds it.
    let mut x = FlexTensor::from_data(x.into_data());
    let values: &mut [f32] = x.storage_mut();
    #[cfg(not(target_arch = "wasm32"))]
    values.par_chunks_mut(BLOCK).for_each(gelu_values);
    #[cfg(target_arch = "wasm32")]
    values.chunks_mut(BLOCK).for_each(gelu_values);
    Tensor::from_primitive::<Flex>(x)
}

/// In place. Compiled per SIMD instruction set and dispatched at run time.
#[macerator::with_simd]
#[allow(
    clippy::extra_unused_type_parameters,
    reason = "names the SIMD instruction set"
)]
fn gelu_values<S: macerator::Simd>(values: &mut [f32]) {
    let (chunks, tail) = values.as_chunks_mut::<LANES>();
    for chunk in chunks {
        *chunk = gelu_lanes(*chunk);
    }
    for x in tail {
        [*x] = gelu_lanes([*x]);
    }
}

#[inline(always)]
fn gelu_lanes<const N: usize>(x: [f32; N]) -> [f32; N] {
    let erf = erf(x.map(|x| x * std::f32::consts::FRAC_1_SQRT_2));
    let mut y = x;
    for lane in 0..N {
        y[lane] = 0.5 * x[lane] * (1.0 + erf[lane]);
    }
    y
}

/// The error function as a quotient of two polynomials, to 3e-7. The coefficients are those of Eigen.
#[inline(always)]
#[allow(
    clippy::excessive_precision,
    reason = "the constants as they were published"
)]
fn erf<const N: usize>(x: [f32; N]) -> [f32; N] {
    /// From here on it is one.
    const LIMIT: f32 = 4.0;
    let x = x.map(|x| x.clamp(-LIMIT, LIMIT));
    let squares = x.map(|x| x * x);
    let polynomial = |coefficients: &[f32]| {
        let mut y = [coefficients[0]; N];
        for &coefficient in &coefficients[1..] {
            for lane in 0..N {
                y[lane] = y[lane] * squares[lane] + coefficient;
            }
        }
        y
    };
    let above = polynomial(&[
        -2.726_142_258_013_06e-10,
        2.770_681_424_959_02e-8,
        -2.101_024_020_825_08e-6,
        -5.692_506_394_623_46e-5,
        -7.349_906_303_268_55e-4,
        -2.954_599_808_540_25e-3,
        -1.609_603_326_241_5e-2,
    ]);
    let below = polynomial(&[
        -1.456_607_184_649_96e-5,
        -2.133_740_552_789_05e-4,
        -1.682_826_974_382_03e-3,
        -7.373_329_167_204_68e-3,
        -1.426_473_905_141_89e-2,
    ]);
    let mut y = x;
    for lane in 0..N {
        y[lane] = x[lane] * above[lane] / below[lane];
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_exact_one() {
        let x: Vec<f32> = (-12_000..=12_000).map(|i| i as f32 / 1000.0).collect();
        let count = x.len();
        let own = gelu(Tensor::<1>::from_data(x.as_slice(), &Device::flex()));
        let own = own.into_data().try_to_vec_as::<f32>().unwrap();
        assert_eq!(own.len(), count);
        for (x, own) in x.into_iter().zip(own) {
            let x = f64::from(x);
            let exact = 0.5 * x * (1.0 + libm::erf(x / std::f64::consts::SQRT_2));
            let deviation = (f64::from(own) - exact).abs();
            assert!(
                deviation < 1e-6 * exact.abs().max(1.0),
                "{x}: {own}, exactly {exact}"
            );
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let x = Tensor::<1>::from_data([f32::NAN, f32::INFINITY], &Device::flex());
        let own = gelu(x).into_data().try_to_vec_as::<f32>().unwrap();
        assert!(own[0].is_nan());
        assert_eq!(own[1], f32::INFINITY);
    }
}
