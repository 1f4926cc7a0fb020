//! ResNet as VGGFace2's face networks are: with the stride in the first convolution of a bottleneck, as
//! Caffe has it, or in the second as torchvision has it.

use std::path::Path;

use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};

use crate::layers::{Conv2d, values};
use crate::picture::{Picture, Rectangle};
use crate::weights::{Weights, WeightsError};
use crate::winograd::Winograd;

/// The side of the picture that is read.
pub const SIZE: usize = 224;
/// Stages with a feature map each.
pub const STAGES: usize = 4;
/// Blue, green and red of the pictures that it was trained on.
const MEAN: [f32; 3] = [91.4953, 103.8827, 131.0912];

/// Whose ResNet it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Stride in the first convolution of a block, pooling without padding.
    Caffe,
    /// Stride in the second convolution of a block, pooling with padding.
    Torchvision,
}

/// The network.
#[derive(Debug)]
pub struct ResNet {
    style: Style,
    first: Conv2d,
    stages: Vec<Vec<Bottleneck>>,
    device: Device,
}

#[derive(Debug)]
struct Bottleneck {
    first: Conv2d,
    middle: Middle,
    last: Conv2d,
    shortcut: Option<Conv2d>,
}

/// The convolution of 3 x 3 pixels, and where it is cut off.
#[derive(Debug)]
enum Middle {
    Plain(Conv2d),
    Winograd(Winograd),
}

impl ResNet {
    /// Opens weights with torchvision's names. How many blocks there are and how wide follows from them.
    ///
    /// # Errors
    /// When the file cannot be read or does not fit.
    pub fn open(path: &Path, style: Style, device: &Device) -> Result<Self, WeightsError> {
        let weights = Weights::open(path, device)?.within(&["", "module."], "conv1.weight");
        let first = width(&weights, "conv1.weight", 64);
        let mut input = first;
        let mut stages = Vec::new();
        for stage in 1..=STAGES {
            let mut blocks = Vec::new();
            let there = |index: usize| weights.shape(&format!("layer{stage}.{index}.conv1.weight"));
            while blocks.is_empty() || there(blocks.len()).is_some() {
                let name = format!("layer{stage}.{}", blocks.len());
                let stride = if blocks.is_empty() && stage > 1 { 2 } else { 1 };
                let inner = width(&weights, &format!("{name}.conv1.weight"), 64);
                let strides = match style {
                    Style::Caffe => [stride, 1],
                    Style::Torchvision => [1, stride],
                };
                let norm = |index: usize| format!("{name}.bn{index}");
                let pixel = |index: usize, shape, stride| {
                    let conv = format!("{name}.conv{index}");
                    let own = folded(&weights, &conv, &norm(index), shape)?;
                    Ok::<_, WeightsError>(own.plain(&weights, stride, 0))
                };
                let middle = || {
                    let conv = format!("{name}.conv2");
                    let own = folded(&weights, &conv, &norm(2), [inner, inner, 3, 3])?;
                    // On a GPU the plain one is not bound by its products.
                    let is_fast = strides[1] == 1 && *device == Device::flex();
                    Ok::<_, WeightsError>(match is_fast {
                        true => {
                            Middle::Winograd(Winograd::new(&own.kernel, own.bias, inner, device))
                        }
                        false => Middle::Plain(own.plain(&weights, strides[1], 1)),
                    })
                };
                let output = 4 * inner;
                let projected = format!("{name}.downsample");
                let shortcut = || {
                    let conv = format!("{projected}.0");
                    let norm = format!("{projected}.1");
                    let own = folded(&weights, &conv, &norm, [output, input, 1, 1])?;
                    Ok::<_, WeightsError>(own.plain(&weights, stride, 0))
                };
                let projects = input != output || stride != 1;
                blocks.push(Bottleneck {
                    first: pixel(1, [inner, input, 1, 1], strides[0])?,
                    middle: middle()?,
                    last: pixel(3, [output, inner, 1, 1], 1)?,
                    shortcut: projects.then(shortcut).transpose()?,
                });
                input = output;
            }
            stages.push(blocks);
        }
        Ok(Self {
            style,
            first: folded(&weights, "conv1", "bn1", [first, 3, 7, 7])?.plain(&weights, 2, 3),
            stages,
            device: device.clone(),
        })
    }

    /// The face as the network reads it, planes of colours from 0 to 255: the rectangle a third larger, as
    /// VGGFace2 cuts faces out, of which the middle 224 of 256 pixels are read.
    pub fn crop(picture: &Picture, face: &Rectangle) -> Vec<f32> {
        let side = 1.3 * face.width().max(face.height()) * SIZE as f32 / 256.0;
        let centre = [
            (face.left + face.right) / 2.0,
            (face.top + face.bottom) / 2.0,
        ];
        picture.square(centre, side, 0.0, SIZE)
    }

    /// Pooled features `[faces, width]` of a stage (1 to 4), row by row; `size` is the side of each picture
    /// in `faces`, whose colours are red, green and blue from 0 to 255.
    pub fn extract(&self, faces: &[f32], size: usize, stage: usize) -> Vec<f32> {
        let plane = size * size;
        let count = faces.len() / (3 * plane);
        if count == 0 {
            return Vec::new();
        }
        let mut bgr = Vec::with_capacity(faces.len());
        for face in faces.chunks_exact(3 * plane) {
            for (colour, mean) in MEAN.iter().enumerate() {
                let values = &face[(2 - colour) * plane..(3 - colour) * plane];
                bgr.extend(values.iter().map(|v| v - mean));
            }
        }
        let data = TensorData::new(bgr, [count, 3, size, size]);
        let x: Tensor<4> = Tensor::from_data(data, &self.device);
        let pool = MaxPoolOptions::new([3, 3]).with_stride([2, 2]);
        let pool = match self.style {
            Style::Caffe => pool.with_ceil_mode(true),
            Style::Torchvision => pool.with_padding([1, 1]),
        };
        let mut x = max_pool2d(relu(self.first.forward(x)), pool);
        for block in self.stages.iter().take(stage).flatten() {
            x = block.forward(x);
        }
        let [_, width, rows, columns] = x.dims();
        values(x.reshape([count, width, rows * columns]).mean_dim(2))
    }

    /// The width of a stage's features (1 to 4).
    pub fn width(&self, stage: usize) -> usize {
        let last = self.stages.get(stage - 1).and_then(|blocks| blocks.last());
        last.map_or(0, |block| block.last.width())
    }
}

impl Bottleneck {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = relu(self.first.forward(x.clone()));
        let y = match &self.middle {
            Middle::Plain(conv) => relu(conv.forward(y)),
            Middle::Winograd(conv) => conv.forward(y),
        };
        let y = self.last.forward(y);
        let shortcut = match &self.shortcut {
            Some(conv) => conv.forward(x),
            None => x,
        };
        relu(y + shortcut)
    }
}

/// Channels that a convolution gives, as far as the file says.
fn width(weights: &Weights, name: &str, otherwise: usize) -> usize {
    let shape = weights.shape(name);
    shape
        .and_then(|shape| shape.first().copied())
        .unwrap_or(otherwise)
}

/// The weights of a convolution with the batch norm behind it folded into them.
struct Folded {
    /// `[output, input, kernel, kernel]`
    kernel: Vec<f32>,
    bias: Vec<f32>,
    shape: [usize; 4],
}

impl Folded {
    fn plain(self, weights: &Weights, stride: usize, padding: usize) -> Conv2d {
        let output = self.bias.len();
        Conv2d::new(
            weights.upload(self.kernel, self.shape),
            Some(weights.upload(self.bias, [output])),
            ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1),
        )
    }
}

fn folded(
    weights: &Weights,
    conv: &str,
    norm: &str,
    shape: [usize; 4],
) -> Result<Folded, WeightsError> {
    const EPSILON: f64 = 1e-5;
    let output = shape[0];
    let of = |part: &str| weights.values(&format!("{norm}.{part}"), &[output]);
    let (scale, shift) = (of("weight")?, of("bias")?);
    let (mean, variance) = (of("running_mean")?, of("running_var")?);
    let mut kernel = weights.values(&format!("{conv}.weight"), &shape)?.to_vec();
    let mut bias = Vec::with_capacity(output);
    let each = kernel.len() / output.max(1);
    for (channel, own) in kernel.chunks_exact_mut(each).enumerate() {
        let factor = f64::from(scale[channel]) / (f64::from(variance[channel]) + EPSILON).sqrt();
        own.iter_mut()
            .for_each(|v| *v = (f64::from(*v) * factor) as f32);
        bias.push((f64::from(shift[channel]) - f64::from(mean[channel]) * factor) as f32);
    }
    Ok(Folded {
        kernel,
        bias,
        shape,
    })
}
