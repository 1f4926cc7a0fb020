//! Convolutions of pictures whose channels are the last axis: a kernel of one pixel is a product of matrices as it is,
//! and what follows (bias, another path, the cut at zero) is one pass over the result.
//!
//! burn's convolution of planes takes a quarter longer on the CPU. Elsewhere it is the one that computes.

use burn::backend::Flex;
use burn::tensor::activation::relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use burn_flex::FlexTensor;

use crate::direct::each;

/// Feature maps, `[count * height * width, channels]`.
#[derive(Debug, Clone)]
pub struct Maps {
    pub x: Tensor<2>,
    pub count: usize,
    pub height: usize,
    pub width: usize,
}

impl Maps {
    /// With the channels first: `[count, channels, height, width]`.
    pub fn planes(&self) -> Tensor<4> {
        let channels = self.x.dims()[1];
        let shape = [self.count, self.height, self.width, channels];
        self.x.clone().reshape(shape).permute([0, 3, 1, 2])
    }

    /// Of `[count, channels, height, width]`.
    pub fn of_planes(x: Tensor<4>) -> Self {
        let [count, channels, height, width] = x.dims();
        let shape = [count * height * width, channels];
        Self {
            x: x.permute([0, 2, 3, 1]).reshape(shape),
            count,
            height,
            width,
        }
    }
}

/// A convolution with a bias.
#[derive(Debug)]
pub struct Convolution {
    /// `[kernel * kernel * input, output]` on the CPU.
    rows: Tensor<2>,
    /// `[output, input, kernel, kernel]` elsewhere.
    planes: Option<Tensor<4>>,
    bias: Vec<f32>,
    kernel: usize,
    stride: usize,
    padding: usize,
}

impl Convolution {
    /// With a weight `[output, input, kernel, kernel]` of this shape.
    pub fn new(
        weight: &[f32],
        bias: Vec<f32>,
        shape: [usize; 4],
        [stride, padding]: [usize; 2],
        device: &Device,
    ) -> Self {
        let [output, input, kernel, _] = shape;
        let covered = kernel * kernel * input;
        let mut rows = vec![0.0; covered * output];
        for (out, weight) in weight.chunks_exact(covered).enumerate() {
            for (channel, weight) in weight.chunks_exact(kernel * kernel).enumerate() {
                for (place, value) in weight.iter().enumerate() {
                    rows[(place * input + channel) * output + out] = *value;
                }
            }
        }
        let planes = (*device != Device::flex())
            .then(|| Tensor::from_data(TensorData::new(weight.to_vec(), shape), device));
        Self {
            rows: Tensor::from_data(TensorData::new(rows, [covered, output]), device),
            planes,
            bias,
            kernel,
            stride,
            padding,
        }
    }

    /// Channels of the output.
    pub const fn width(&self) -> usize {
        self.bias.len()
    }

    /// With `other` added, and cut off at zero where `cuts`.
    pub fn forward(&self, maps: &Maps, other: Option<Tensor<2>>, cuts: bool) -> Maps {
        let output =
            |length: usize| (length + 2 * self.padding + self.stride - self.kernel) / self.stride;
        let (height, width) = (output(maps.height), output(maps.width));
        let device = maps.x.device();
        let x = match &self.planes {
            Some(weight) => {
                let options = ConvOptions::new([self.stride; 2], [self.padding; 2], [1, 1], 1);
                Maps::of_planes(conv2d(maps.planes(), weight.clone(), None, options)).x
            }
            None if self.kernel == 1 && self.stride == 1 => {
                maps.x.clone().matmul(self.rows.clone())
            }
            None => self.covered(maps, height, width).matmul(self.rows.clone()),
        };
        let x = match device == Device::flex() {
            true => finished(x, &self.bias, other, cuts),
            false => {
                let bias = TensorData::new(self.bias.clone(), [1, self.width()]);
                let x = x + Tensor::from_data(bias, &device);
                let x = match other {
                    Some(other) => x + other,
                    None => x,
                };
                if cuts { relu(x) } else { x }
            }
        };
        Maps {
            x,
            count: maps.count,
            height,
            width,
        }
    }

    /// `[pixels, kernel * kernel * input]`: what the kernel covers at each pixel of the output.
    fn covered(&self, maps: &Maps, height: usize, width: usize) -> Tensor<2> {
        let channels = maps.x.dims()[1];
        let device = maps.x.device();
        let x = maps.x.clone().into_data();
        let x = x.as_slice::<f32>().unwrap_or_default();
        let size = self.kernel * self.kernel * channels;
        let mut all = vec![0.0; maps.count * height * width * size];
        let row = |(index, line): (usize, &mut [f32])| {
            let (sample, y) = (index / height, index % height);
            for (column, own) in line.chunks_exact_mut(size).enumerate() {
                for (tap, own) in own.chunks_exact_mut(self.kernel * channels).enumerate() {
                    let Some(y) = (y * self.stride + tap).checked_sub(self.padding) else {
                        continue;
                    };
                    if y >= maps.height {
                        continue;
                    }
                    let line = &x[(sample * maps.height + y) * maps.width * channels..];
                    // Columns of the picture that are under the kernel.
                    let left = column * self.stride;
                    let skipped = self.padding.saturating_sub(left);
                    let first = (left + skipped) - self.padding;
                    let last = (left + self.kernel - self.padding).min(maps.width);
                    let count = last.saturating_sub(first) * channels;
                    own[skipped * channels..][..count]
                        .copy_from_slice(&line[first * channels..][..count]);
                }
            }
        };
        each(&mut all, width * size, row);
        let shape = [maps.count * height * width, size];
        Tensor::from_data(TensorData::new(all, shape), &device)
    }
}

/// On the CPU, in place: the bias, the other path, and the cut at zero.
fn finished(x: Tensor<2>, bias: &[f32], other: Option<Tensor<2>>, cuts: bool) -> Tensor<2> {
    let data = other.map(Tensor::into_data);
    let other = data.as_ref().and_then(|data| data.as_slice::<f32>().ok());
    let mut x = FlexTensor::from_data(x.into_data());
    let channels = bias.len();
    let values: &mut [f32] = x.storage_mut();
    let row = |(index, own): (usize, &mut [f32])| {
        let first = index * PIXELS * channels;
        let other = other.map_or(&[][..], |other| &other[first..][..own.len()]);
        one_row(own, bias, other, cuts);
    };
    each(values, PIXELS * channels, row);
    Tensor::from_primitive::<Flex>(x)
}

/// Pixels that a thread computes at a time.
const PIXELS: usize = 64;

/// In place; `other` is empty where there is none. Compiled per SIMD instruction set and dispatched at run time.
#[macerator::with_simd]
#[allow(
    clippy::extra_unused_type_parameters,
    reason = "names the SIMD instruction set"
)]
fn one_row<S: macerator::Simd>(values: &mut [f32], bias: &[f32], other: &[f32], cuts: bool) {
    let channels = bias.len();
    let least = if cuts { 0.0 } else { f32::NEG_INFINITY };
    for (pixel, own) in values.chunks_exact_mut(channels).enumerate() {
        match other.is_empty() {
            false => {
                let other = &other[pixel * channels..][..channels];
                for channel in 0..channels {
                    own[channel] = (own[channel] + bias[channel] + other[channel]).max(least);
                }
            }
            true => {
                for channel in 0..channels {
                    own[channel] = (own[channel] + bias[channel]).max(least);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::values;

    #[test]
    fn it_gives_what_the_plain_convolution_gives() {
        let device = Device::flex();
        let wave = |count: usize, step: f32| -> Vec<f32> {
            (0..count).map(|i| (i as f32 * step).sin()).collect()
        };
        for (height, width, kernel, stride, padding) in [
            (5, 7, 1, 1, 0),
            (6, 5, 1, 2, 0),
            (5, 7, 3, 1, 1),
            (9, 8, 7, 2, 3),
        ] {
            let (input, output, count) = (3, 5, 2);
            let shape = [output, input, kernel, kernel];
            let weight = wave(output * input * kernel * kernel, 1.3);
            let bias = wave(output, 0.4);
            let x = wave(count * input * height * width, 0.7);
            let x = TensorData::new(x, [count, input, height, width]);
            let x: Tensor<4> = Tensor::from_data(x, &device);
            let plain = conv2d(
                x.clone(),
                Tensor::from_data(TensorData::new(weight.clone(), shape), &device),
                Some(Tensor::from_data(
                    TensorData::new(bias.clone(), [output]),
                    &device,
                )),
                ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1),
            );
            let other = Tensor::from_data(
                TensorData::new(wave(plain.dims().iter().product(), 0.2), plain.dims()),
                &device,
            );
            let conv = Convolution::new(&weight, bias, shape, [stride, padding], &device);
            let added = Maps::of_planes(other.clone()).x;
            let ours = conv.forward(&Maps::of_planes(x), Some(added), true);
            let plain = relu(plain + other);
            assert_eq!(ours.planes().dims(), plain.dims());
            for (ours, plain) in values(ours.planes()).iter().zip(values(plain)) {
                assert!((ours - plain).abs() < 1e-4, "{ours} {plain}");
            }
        }
    }
}
