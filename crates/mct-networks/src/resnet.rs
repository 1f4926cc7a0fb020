//! ResNet as VGGFace2's face networks are: with the stride in the first convolution of a bottleneck, as
//! Caffe has it, or in the second as torchvision has it.

use std::path::Path;

use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor, TensorData};

use crate::channels_last::{Convolution, Maps};
use crate::layers::values;
use crate::picture::{Picture, Rectangle};
use crate::weights::{Weights, WeightsError};

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
    first: Convolution,
    stages: Vec<Vec<Bottleneck>>,
    device: Device,
}

#[derive(Debug)]
struct Bottleneck {
    convolutions: [Convolution; 3],
    shortcut: Option<Convolution>,
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
                let conv = |index: usize, shape, stride, padding| {
                    let conv = format!("{name}.conv{index}");
                    folded(
                        &weights,
                        &conv,
                        &format!("{name}.bn{index}"),
                        shape,
                        stride,
                        padding,
                    )
                };
                let output = 4 * inner;
                let projected = format!("{name}.downsample");
                let shortcut = || {
                    folded(
                        &weights,
                        &format!("{projected}.0"),
                        &format!("{projected}.1"),
                        [output, input, 1, 1],
                        stride,
                        0,
                    )
                };
                let projects = input != output || stride != 1;
                blocks.push(Bottleneck {
                    convolutions: [
                        conv(1, [inner, input, 1, 1], strides[0], 0)?,
                        conv(2, [inner, inner, 3, 3], strides[1], 1)?,
                        conv(3, [output, inner, 1, 1], 1, 0)?,
                    ],
                    shortcut: projects.then(shortcut).transpose()?,
                });
                input = output;
            }
            stages.push(blocks);
        }
        Ok(Self {
            style,
            first: folded(&weights, "conv1", "bn1", [first, 3, 7, 7], 2, 3)?,
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
        /// Faces at a time: what is between the layers stays small.
        const FACES: usize = 4;
        let some = faces.chunks(FACES * 3 * size * size);
        some.flat_map(|some| self.pooled(some, size, stage))
            .collect()
    }

    fn pooled(&self, faces: &[f32], size: usize, stage: usize) -> Vec<f32> {
        let plane = size * size;
        let count = faces.len() / (3 * plane);
        let mut bgr = vec![0.0; faces.len()];
        for (face, bgr) in faces
            .chunks_exact(3 * plane)
            .zip(bgr.chunks_exact_mut(3 * plane))
        {
            for (pixel, bgr) in bgr.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                *bgr =
                    std::array::from_fn(|colour| face[(2 - colour) * plane + pixel] - MEAN[colour]);
            }
        }
        let data = TensorData::new(bgr, [count * plane, 3]);
        let x = self.first.forward(
            &Maps {
                x: Tensor::from_data(data, &self.device),
                count,
                height: size,
                width: size,
            },
            None,
            true,
        );
        let pool = MaxPoolOptions::new([3, 3]).with_stride([2, 2]);
        let pool = match self.style {
            Style::Caffe => pool.with_ceil_mode(true),
            Style::Torchvision => pool.with_padding([1, 1]),
        };
        let mut x = Maps::of_planes(max_pool2d(x.planes(), pool));
        for block in self.stages.iter().take(stage).flatten() {
            x = block.forward(&x);
        }
        let width = x.x.dims()[1];
        let pixels = x.x.reshape([count, x.height * x.width, width]);
        values(pixels.mean_dim(1))
    }

    /// The width of a stage's features (1 to 4).
    pub fn width(&self, stage: usize) -> usize {
        let last = self.stages.get(stage - 1).and_then(|blocks| blocks.last());
        last.map_or(0, |block| block.convolutions[2].width())
    }
}

impl Bottleneck {
    fn forward(&self, x: &Maps) -> Maps {
        let [first, second, third] = &self.convolutions;
        let y = second.forward(&first.forward(x, None, true), None, true);
        let shortcut = match &self.shortcut {
            Some(conv) => conv.forward(x, None, false).x,
            None => x.x.clone(),
        };
        third.forward(&y, Some(shortcut), true)
    }
}

/// Channels that a convolution gives, as far as the file says.
fn width(weights: &Weights, name: &str, otherwise: usize) -> usize {
    let shape = weights.shape(name);
    shape
        .and_then(|shape| shape.first().copied())
        .unwrap_or(otherwise)
}

/// A convolution with the batch norm behind it folded into it.
fn folded(
    weights: &Weights,
    conv: &str,
    norm: &str,
    shape: [usize; 4],
    stride: usize,
    padding: usize,
) -> Result<Convolution, WeightsError> {
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
    let places = [stride, padding];
    Ok(Convolution::new(
        &kernel,
        bias,
        shape,
        places,
        weights.device(),
    ))
}
