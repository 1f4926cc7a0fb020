//! Convolutions of 3 x 3 pixels by Winograd's minimal filtering, F(4 x 4, 3 x 3) (Lavin and Gray, 2016): 36 products
//! for 16 pixels where the plain way takes 144.
//!
//! On the CPU alone, where the plain one is bound by its products; the numbers differ from it by rounding.

use burn::tensor::{Device, Tensor, TensorData};

use crate::layers::values;

/// Pixels of the output that a tile gives, in each direction.
const GIVEN: usize = 4;
/// Pixels of the input that it covers.
const COVERED: usize = 6;
/// Places of a transformed tile.
const PLACES: usize = COVERED * COVERED;

/// A convolution with a kernel of 3 x 3, a stride of 1 and a border of one pixel of zeros.
#[derive(Debug)]
pub struct Winograd {
    /// `[36, output, input]`: the transformed kernels.
    weight: Tensor<3>,
    bias: Vec<f32>,
    input: usize,
    device: Device,
}

impl Winograd {
    /// With a weight `[output, input, 3, 3]`.
    pub fn new(weight: &[f32], bias: Vec<f32>, input: usize, device: &Device) -> Self {
        let output = bias.len();
        let mut all = vec![0.0; PLACES * output * input];
        for (pair, kernel) in weight.as_chunks::<9>().0.iter().enumerate() {
            // G g G^T, in double precision: it is done once.
            let mut half = [[0.0f64; 3]; COVERED];
            for column in 0..3 {
                let own = [0, 1, 2].map(|row| f64::from(kernel[3 * row + column]));
                for (row, value) in spread(own).into_iter().enumerate() {
                    half[row][column] = value;
                }
            }
            for (row, half) in half.into_iter().enumerate() {
                for (column, value) in spread(half).into_iter().enumerate() {
                    all[(row * COVERED + column) * output * input + pair] = value as f32;
                }
            }
        }
        let data = TensorData::new(all, [PLACES, output, input]);
        Self {
            weight: Tensor::from_data(data, device),
            bias,
            input,
            device: device.clone(),
        }
    }

    /// `[batch, input, height, width]` to `[batch, output, height, width]`, where below zero cut off to zero.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [batch, _, height, width] = x.dims();
        let (rows, columns) = (height.div_ceil(GIVEN), width.div_ceil(GIVEN));
        let tiles = batch * rows * columns;
        let transformed = self.transformed(&values(x), [batch, height, width]);
        let data = TensorData::new(transformed, [PLACES, self.input, tiles]);
        let tensor: Tensor<3> = Tensor::from_data(data, &self.device);
        let products = values(self.weight.clone().matmul(tensor));
        let output = self.bias.len();
        let mut y = vec![0.0; batch * output * height * width];
        let plane = height * width;
        let each = |(index, y): (usize, &mut [f32])| {
            let (sample, channel) = (index / output, index % output);
            let mut tile = [0.0; PLACES];
            for row in 0..rows {
                for column in 0..columns {
                    let number = (sample * rows + row) * columns + column;
                    for (place, value) in tile.iter_mut().enumerate() {
                        *value = products[(place * output + channel) * tiles + number];
                    }
                    let bias = self.bias[channel];
                    let given = gathered(&tile);
                    let (top, left) = (row * GIVEN, column * GIVEN);
                    for (y, given) in y[top * width..].chunks_mut(width).zip(&given) {
                        let end = (left + GIVEN).min(width);
                        for (y, value) in y[left..end].iter_mut().zip(given) {
                            *y = (value + bias).max(0.0);
                        }
                    }
                }
            }
        };
        planes(&mut y, plane, each);
        let data = TensorData::new(y, [batch, output, height, width]);
        Tensor::from_data(data, &self.device)
    }

    /// `[36, input, tiles]`: B^T d B of every tile of the input.
    fn transformed(&self, x: &[f32], [batch, height, width]: [usize; 3]) -> Vec<f32> {
        let (rows, columns) = (height.div_ceil(GIVEN), width.div_ceil(GIVEN));
        let tiles = batch * rows * columns;
        // Channel by channel first, so that threads write apart: `[input, 36, tiles]`.
        let mut by_channel = vec![0.0; self.input * PLACES * tiles];
        let each = |(channel, own): (usize, &mut [f32])| {
            let mut number = 0;
            for sample in 0..batch {
                let plane =
                    &x[(sample * self.input + channel) * height * width..][..height * width];
                for row in 0..rows {
                    for column in 0..columns {
                        let tile = covered(plane, [height, width], row * GIVEN, column * GIVEN);
                        for (place, value) in dispersed(&tile).into_iter().enumerate() {
                            own[place * tiles + number] = value;
                        }
                        number += 1;
                    }
                }
            }
        };
        planes(&mut by_channel, PLACES * tiles, each);
        let mut all = vec![0.0; by_channel.len()];
        let each = |(place, own): (usize, &mut [f32])| {
            for (channel, own) in own.chunks_exact_mut(tiles).enumerate() {
                own.copy_from_slice(&by_channel[(channel * PLACES + place) * tiles..][..tiles]);
            }
        };
        planes(&mut all, self.input * tiles, each);
        all
    }
}

/// Every piece of `size` values with its number.
fn planes(all: &mut [f32], size: usize, each: impl Fn((usize, &mut [f32])) + Sync + Send) {
    #[cfg(not(target_arch = "wasm32"))]
    {
        use rayon::prelude::*;
        all.par_chunks_mut(size).enumerate().for_each(each);
    }
    #[cfg(target_arch = "wasm32")]
    all.chunks_mut(size).enumerate().for_each(each);
}

/// The pixels under a tile whose output begins at `top` and `left`, zeros beyond the picture.
fn covered(plane: &[f32], [height, width]: [usize; 2], top: usize, left: usize) -> [f32; PLACES] {
    let mut tile = [0.0; PLACES];
    // The border is one pixel wide.
    for (row, own) in tile.chunks_exact_mut(COVERED).enumerate() {
        let Some(y) = (top + row).checked_sub(1).filter(|y| *y < height) else {
            continue;
        };
        let line = &plane[y * width..][..width];
        for (column, value) in own.iter_mut().enumerate() {
            if let Some(x) = (left + column).checked_sub(1).filter(|x| *x < width) {
                *value = line[x];
            }
        }
    }
    tile
}

/// G: a row of a kernel.
fn spread([a, b, c]: [f64; 3]) -> [f64; COVERED] {
    [
        a / 4.0,
        -(a + b + c) / 6.0,
        -(a - b + c) / 6.0,
        a / 24.0 + b / 12.0 + c / 6.0,
        a / 24.0 - b / 12.0 + c / 6.0,
        c,
    ]
}

/// B^T: a row of the input.
fn disperse([a, b, c, d, e, f]: [f32; COVERED]) -> [f32; COVERED] {
    [
        4.0 * a - 5.0 * c + e,
        d + e - 4.0 * (b + c),
        4.0 * (b - c) - d + e,
        2.0 * (d - b) - c + e,
        2.0 * (b - d) - c + e,
        4.0 * b - 5.0 * d + f,
    ]
}

/// A^T: a row of products.
fn gather([a, b, c, d, e, f]: [f32; COVERED]) -> [f32; GIVEN] {
    let (sum, difference) = (b + c, b - c);
    let (far, apart) = (d + e, d - e);
    [
        a + sum + far,
        difference + 2.0 * apart,
        sum + 4.0 * far,
        difference + 8.0 * apart + f,
    ]
}

/// B^T d B.
fn dispersed(tile: &[f32; PLACES]) -> [f32; PLACES] {
    let mut half = [0.0; PLACES];
    for column in 0..COVERED {
        let own = std::array::from_fn(|row| tile[row * COVERED + column]);
        for (row, value) in disperse(own).into_iter().enumerate() {
            half[row * COVERED + column] = value;
        }
    }
    let mut all = [0.0; PLACES];
    for row in 0..COVERED {
        let own = std::array::from_fn(|column| half[row * COVERED + column]);
        all[row * COVERED..][..COVERED].copy_from_slice(&disperse(own));
    }
    all
}

/// A^T m A.
fn gathered(tile: &[f32; PLACES]) -> [[f32; GIVEN]; GIVEN] {
    let mut half = [[0.0; COVERED]; GIVEN];
    for column in 0..COVERED {
        let own = std::array::from_fn(|row| tile[row * COVERED + column]);
        for (row, value) in gather(own).into_iter().enumerate() {
            half[row][column] = value;
        }
    }
    half.map(gather)
}

#[cfg(test)]
mod tests {
    use burn::tensor::activation::relu;
    use burn::tensor::module::conv2d;
    use burn::tensor::ops::ConvOptions;

    use super::*;

    #[test]
    fn it_gives_what_the_plain_convolution_gives() {
        let device = Device::flex();
        // Sizes that are no multiple of a tile, and one that is smaller.
        for [batch, input, output, height, width] in
            [[1, 3, 5, 7, 9], [2, 4, 2, 3, 2], [1, 1, 1, 8, 4]]
        {
            let wave = |count: usize, step: f32| -> Vec<f32> {
                (0..count).map(|i| (i as f32 * step).sin()).collect()
            };
            let x = wave(batch * input * height * width, 0.7);
            let weight = wave(output * input * 9, 1.3);
            let bias = wave(output, 0.4);
            let tensor =
                Tensor::from_data(TensorData::new(x, [batch, input, height, width]), &device);
            let kernel = TensorData::new(weight.clone(), [output, input, 3, 3]);
            let plain = relu(conv2d(
                tensor.clone(),
                Tensor::from_data(kernel, &device),
                Some(Tensor::from_data(
                    TensorData::new(bias.clone(), [output]),
                    &device,
                )),
                ConvOptions::new([1, 1], [1, 1], [1, 1], 1),
            ));
            let ours = Winograd::new(&weight, bias, input, &device).forward(tensor);
            assert_eq!(ours.dims(), plain.dims());
            for (ours, plain) in values(ours).iter().zip(values(plain)) {
                assert!((ours - plain).abs() < 1e-4, "{ours} {plain}");
            }
        }
    }
}
