//! Convolutions of small pictures on the CPU, without the matrix that a product would need: what MTCNN looks at is so
//! small, and has so few channels, that making it takes longer than the products.
//!
//! Pictures are `[count, height, width, channels]`, so that what a kernel covers in a row is in one piece.

#[cfg(not(target_arch = "wasm32"))]
use rayon::prelude::*;

use crate::weights::{Weights, WeightsError};

/// Channels of the output computed together: the compiler vectorises loops over arrays of this length.
const LANES: usize = 16;
/// Pixels of a row computed together, so that a weight is read once for them.
const PIXELS: usize = 8;

/// Pictures with any number of channels.
#[derive(Debug, Clone, PartialEq)]
pub struct Pictures {
    pub count: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub values: Vec<f32>,
}

/// A convolution without stride and border, and PReLU behind it.
#[derive(Debug)]
pub struct Direct {
    /// `[output / 16, kernel, kernel * input, 16]`, zeros for channels beyond the last.
    weight: Vec<[f32; LANES]>,
    bias: Vec<[f32; LANES]>,
    slope: Vec<[f32; LANES]>,
    input: usize,
    output: usize,
    kernel: usize,
}

impl Direct {
    /// With a weight `[output, input, kernel, kernel]`, and the slopes below zero of another layer.
    ///
    /// # Errors
    /// When a layer is missing or has another shape.
    pub fn load(
        weights: &Weights,
        name: &str,
        slope: &str,
        shape: [usize; 4],
    ) -> Result<Self, WeightsError> {
        let [output, ..] = shape;
        let of = |name: &str, shape: &[usize]| weights.values(name, shape).map(<[f32]>::to_vec);
        Ok(Self::new(
            &of(&format!("{name}.weight"), &shape)?,
            &of(&format!("{name}.bias"), &[output])?,
            &of(&format!("{slope}.weight"), &[output])?,
            shape,
        ))
    }

    fn new(weight: &[f32], bias: &[f32], slope: &[f32], shape: [usize; 4]) -> Self {
        let [output, input, kernel, _] = shape;
        let blocks = output.div_ceil(LANES);
        let lanes = |values: &[f32]| -> Vec<[f32; LANES]> {
            let at = |index: usize| values.get(index).copied().unwrap_or_default();
            (0..blocks)
                .map(|block| std::array::from_fn(|lane| at(block * LANES + lane)))
                .collect()
        };
        let mut turned = Vec::with_capacity(blocks * kernel * kernel * input);
        for block in 0..blocks {
            for row in 0..kernel {
                for column in 0..kernel {
                    for channel in 0..input {
                        turned.push(std::array::from_fn(|lane| {
                            let out = block * LANES + lane;
                            let place = ((out * input + channel) * kernel + row) * kernel + column;
                            if out < output { weight[place] } else { 0.0 }
                        }));
                    }
                }
            }
        }
        Self {
            weight: turned,
            bias: lanes(bias),
            slope: lanes(slope),
            input,
            output,
            kernel,
        }
    }

    /// Pictures that are smaller by the kernel less one.
    pub fn forward(&self, x: &Pictures) -> Pictures {
        debug_assert_eq!(x.channels, self.input);
        let (height, width) = (
            (x.height + 1).saturating_sub(self.kernel),
            (x.width + 1).saturating_sub(self.kernel),
        );
        let mut values = vec![0.0; x.count * height * width * self.output];
        let row = |(index, out): (usize, &mut [f32])| {
            let (sample, y) = (index / height, index % height);
            let first = (sample * x.height + y) * x.width * self.input;
            let rows = &x.values[first..][..self.kernel * x.width * self.input];
            one_row(self, rows, x.width, out);
        };
        each(&mut values, width * self.output, row);
        Pictures {
            count: x.count,
            height,
            width,
            channels: self.output,
            values,
        }
    }
}

/// The largest value of each channel in squares of `size`, two pixels apart; squares at the right and lower edge may be
/// smaller.
pub fn pooled(x: &Pictures, size: usize) -> Pictures {
    let along = |length: usize| {
        let all = length.saturating_sub(size).div_ceil(2) + 1;
        // None begins outside.
        all.min(length.div_ceil(2))
    };
    let (height, width, channels) = (along(x.height), along(x.width), x.channels);
    let mut values = vec![f32::NEG_INFINITY; x.count * height * width * channels];
    let row = |(index, out): (usize, &mut [f32])| {
        let (sample, y) = (index / height, index % height);
        for line in 2 * y..(2 * y + size).min(x.height) {
            let line = &x.values[(sample * x.height + line) * x.width * channels..];
            for (column, out) in out.chunks_exact_mut(channels).enumerate() {
                for x in 2 * column..(2 * column + size).min(x.width) {
                    let pixel = &line[x * channels..][..channels];
                    for channel in 0..channels {
                        out[channel] = out[channel].max(pixel[channel]);
                    }
                }
            }
        }
    };
    each(&mut values, width * channels, row);
    Pictures {
        count: x.count,
        height,
        width,
        channels,
        values,
    }
}

/// Every row of `length` values with its number.
pub(crate) fn each(
    values: &mut [f32],
    length: usize,
    row: impl Fn((usize, &mut [f32])) + Sync + Send,
) {
    if values.is_empty() {
        return;
    }
    #[cfg(not(target_arch = "wasm32"))]
    values
        .par_chunks_mut(length)
        .enumerate()
        .with_min_len(4)
        .for_each(row);
    #[cfg(target_arch = "wasm32")]
    values.chunks_mut(length).enumerate().for_each(row);
}

/// A row of the output from the rows of the input that the kernel covers, `width` pixels each. Compiled per SIMD
/// instruction set and dispatched at run time.
#[macerator::with_simd]
#[allow(
    clippy::extra_unused_type_parameters,
    reason = "names the SIMD instruction set"
)]
fn one_row<S: macerator::Simd>(conv: &Direct, rows: &[f32], width: usize, out: &mut [f32]) {
    let output = conv.output;
    let count = out.len() / output;
    for block in 0..conv.bias.len() {
        let mut first = 0;
        while first < count {
            let pixels = (count - first).min(PIXELS);
            let sums = match pixels {
                PIXELS => sums::<PIXELS>(conv, rows, width, block, first),
                // The last ones; those in front of them, which are computed again, where there are enough.
                _ if count >= PIXELS => {
                    first = count - PIXELS;
                    sums::<PIXELS>(conv, rows, width, block, first)
                }
                _ => {
                    let mut few = [[0.0; LANES]; PIXELS];
                    for (pixel, few) in few.iter_mut().enumerate().take(pixels) {
                        [*few] = sums::<1>(conv, rows, width, block, first + pixel);
                    }
                    few
                }
            };
            let slope = &conv.slope[block];
            let lanes = (output - block * LANES).min(LANES);
            for (pixel, sums) in sums.iter().enumerate().take(pixels.max(count.min(PIXELS))) {
                let mut y = *sums;
                for lane in 0..LANES {
                    y[lane] = y[lane].max(0.0) + slope[lane] * y[lane].min(0.0);
                }
                let place = (first + pixel) * output + block * LANES;
                out[place..place + lanes].copy_from_slice(&y[..lanes]);
            }
            first += PIXELS;
        }
    }
}

/// A block of channels of `N` pixels from `first` on.
#[inline(always)]
fn sums<const N: usize>(
    conv: &Direct,
    rows: &[f32],
    width: usize,
    block: usize,
    first: usize,
) -> [[f32; LANES]; N] {
    let input = conv.input;
    let covered = conv.kernel * input;
    let weight = &conv.weight[block * conv.kernel * covered..][..conv.kernel * covered];
    let mut sums = [conv.bias[block]; N];
    for (row, weight) in weight.chunks_exact(covered).enumerate() {
        let line = &rows[(row * width + first) * input..][..covered + (N - 1) * input];
        for (place, weight) in weight.iter().enumerate() {
            for (pixel, sum) in sums.iter_mut().enumerate() {
                let value = line[place + pixel * input];
                for lane in 0..LANES {
                    sum[lane] += value * weight[lane];
                }
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use burn::tensor::module::{conv2d, max_pool2d};
    use burn::tensor::ops::ConvOptions;
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;
    use crate::layers::values;

    /// Between channels first and channels last.
    fn turned(x: &Pictures, device: &Device) -> Tensor<4> {
        let shape = [x.count, x.height, x.width, x.channels];
        let tensor = Tensor::<4>::from_data(TensorData::new(x.values.clone(), shape), device);
        tensor.permute([0, 3, 1, 2])
    }

    fn wave(count: usize, step: f32) -> Vec<f32> {
        (0..count).map(|i| (i as f32 * step).sin()).collect()
    }

    #[test]
    fn it_gives_what_the_plain_convolution_gives() {
        let device = Device::flex();
        // Fewer pixels than are computed together, more, and a number of channels that is no multiple of lanes.
        for (width, input, output, kernel) in [(7, 3, 10, 3), (21, 10, 16, 3), (5, 4, 28, 2)] {
            let shape = [output, input, kernel, kernel];
            let weight = wave(output * input * kernel * kernel, 1.3);
            let (bias, slope) = (wave(output, 0.4), wave(output, 0.9));
            let x = Pictures {
                count: 2,
                height: 6,
                width,
                channels: input,
                values: wave(2 * 6 * width * input, 0.7),
            };
            let plain = conv2d(
                turned(&x, &device),
                Tensor::from_data(TensorData::new(weight.clone(), shape), &device),
                Some(Tensor::from_data(
                    TensorData::new(bias.clone(), [output]),
                    &device,
                )),
                ConvOptions::new([1, 1], [0, 0], [1, 1], 1),
            );
            let ours = Direct::new(&weight, &bias, &slope, shape).forward(&x);
            let plain = plain.permute([0, 2, 3, 1]);
            assert_eq!(
                plain.dims(),
                [ours.count, ours.height, ours.width, ours.channels]
            );
            for (index, (ours, plain)) in ours.values.iter().zip(values(plain)).enumerate() {
                let slope = slope[index % output];
                let plain = if plain < 0.0 { slope * plain } else { plain };
                assert!((ours - plain).abs() < 1e-4, "{ours} {plain}");
            }
        }
    }

    #[test]
    fn pooling_takes_what_is_left_at_the_edge() {
        use burn::tensor::ops::MaxPoolOptions;

        let device = Device::flex();
        for (height, width, size) in [(5, 8, 2), (6, 7, 3), (3, 3, 3)] {
            let x = Pictures {
                count: 2,
                height,
                width,
                channels: 3,
                values: wave(2 * height * width * 3, 0.7),
            };
            let options = MaxPoolOptions::new([size; 2])
                .with_stride([2, 2])
                .with_ceil_mode(true);
            let plain = max_pool2d(turned(&x, &device), options).permute([0, 2, 3, 1]);
            let ours = pooled(&x, size);
            assert_eq!(
                plain.dims(),
                [ours.count, ours.height, ours.width, ours.channels]
            );
            assert_eq!(ours.values, values(plain));
        }
    }
}
