//! The expression network of face-api.js: depthwise separable convolutions with dense connections, trained
//! on seven expressions.

use std::path::Path;

use burn::tensor::activation::{relu, softmax};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};

use crate::layers::{Conv2d, Linear, values};
use crate::picture::Picture;
use crate::weights::{Weights, WeightsError};

/// The side of the picture that is read.
pub const SIZE: usize = 112;
/// Features of a face.
pub const WIDTH: usize = 256;
/// What the network was trained to tell apart.
pub const EXPRESSIONS: [&str; 7] = [
    "neutral",
    "happy",
    "sad",
    "angry",
    "fearful",
    "disgusted",
    "surprised",
];
/// Of the pictures that it was trained on.
const MEAN: [f32; 3] = [122.782, 117.001, 104.298];

/// The network.
#[derive(Debug)]
pub struct Expression {
    blocks: [Block; 4],
    classifier: Linear,
    device: Device,
}

/// Four convolutions, each of which reads the sum of those before it.
#[derive(Debug)]
struct Block([Unit; 4]);

/// A convolution, or two in its place: one kernel a channel, then a product of the channels.
#[derive(Debug)]
struct Unit(Vec<Conv2d>);

impl Unit {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.0.iter().fold(x, |x, conv| conv.forward(x))
    }
}

impl Expression {
    /// Opens `face_expression_model-weights_manifest.json` with its shard beside it.
    ///
    /// # Errors
    /// When a file cannot be read or does not fit.
    pub fn open(manifest: &Path, device: &Device) -> Result<Self, WeightsError> {
        let weights = Weights::open(manifest, device)?;
        // TensorFlow has the channels last: [height, width, input, output].
        let kernel = |name: &str, shape: [usize; 4]| -> Result<Tensor<4>, WeightsError> {
            Ok(weights.tensor(name, shape)?.permute([3, 2, 0, 1]))
        };
        // TensorFlow's padding `same`: at stride 2 of an even size, only behind.
        let options = |stride: usize, groups| {
            let before = if stride == 1 { 1 } else { 0 };
            ConvOptions::new_with_padding([stride; 2], [(before, 1); 2], [1, 1], groups)
        };
        let unit = |block: usize, index: usize| -> Result<Unit, WeightsError> {
            let output = 32 << block;
            let input = if index == 0 && block > 0 {
                output / 2
            } else {
                output
            };
            let stride = if index == 0 { 2 } else { 1 };
            let name = format!("dense{block}/conv{index}");
            let bias = weights.tensor(&format!("{name}/bias"), [output])?;
            if block == 0 && index == 0 {
                let weight = kernel(&format!("{name}/filters"), [3, 3, 3, output])?;
                let conv = Conv2d::new(weight, Some(bias), options(stride, 1));
                return Ok(Unit(vec![conv]));
            }
            let depth = weights.tensor(&format!("{name}/depthwise_filter"), [3, 3, input, 1])?;
            let point = kernel(&format!("{name}/pointwise_filter"), [1, 1, input, output])?;
            let plain = ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
            Ok(Unit(vec![
                Conv2d::new(depth.permute([2, 3, 0, 1]), None, options(stride, input)),
                Conv2d::new(point, Some(bias), plain),
            ]))
        };
        let block = |index: usize| -> Result<Block, WeightsError> {
            Ok(Block([
                unit(index, 0)?,
                unit(index, 1)?,
                unit(index, 2)?,
                unit(index, 3)?,
            ]))
        };
        Ok(Self {
            blocks: [block(0)?, block(1)?, block(2)?, block(3)?],
            classifier: Linear::of(
                weights.tensor("fc/weights", [WIDTH, EXPRESSIONS.len()])?,
                weights.tensor("fc/bias", [EXPRESSIONS.len()])?,
            ),
            device: device.clone(),
        })
    }

    /// A face as the network reads it, planes of colours from 0 to 255: `landmarks` are eyes, nose and
    /// corners of the mouth. The eyes are level; the mean of eyes and mouth is 0.43 from the top, and they
    /// are 0.45 of the side apart, as face-api.js cuts faces out.
    pub fn crop(picture: &Picture, landmarks: &[[f32; 2]; 5]) -> Vec<f32> {
        let between = |a: [f32; 2], b: [f32; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
        let [left, right, _, mouth_left, mouth_right] = *landmarks;
        let mouth = between(mouth_left, mouth_right);
        let apart = |eye: [f32; 2]| (mouth[0] - eye[0]).hypot(mouth[1] - eye[1]);
        let side = (apart(left) + apart(right)) / 2.0 / 0.45;
        let angle = (right[1] - left[1]).atan2(right[0] - left[0]);
        let mean = [
            (left[0] + right[0] + mouth[0]) / 3.0,
            (left[1] + right[1] + mouth[1]) / 3.0,
        ];
        // From that mean down to the middle of the square, along the turned face.
        let down = (0.5 - 0.43) * side;
        let centre = [mean[0] - angle.sin() * down, mean[1] + angle.cos() * down];
        picture.square(centre, side, angle, SIZE)
    }

    fn pooled(&self, faces: &[f32]) -> Tensor<2> {
        let plane = SIZE * SIZE;
        let count = faces.len() / (3 * plane);
        let centred = faces
            .iter()
            .enumerate()
            .map(|(index, v)| (v - MEAN[index / plane % 3]) / 255.0);
        let data = TensorData::new(centred.collect::<Vec<f32>>(), [count, 3, SIZE, SIZE]);
        let mut x: Tensor<4> = Tensor::from_data(data, &self.device);
        for Block(units) in &self.blocks {
            let mut sum = relu(units[0].forward(x));
            x = sum.clone();
            for unit in &units[1..] {
                sum = sum + unit.forward(x);
                x = relu(sum.clone());
            }
        }
        let [_, _, height, width] = x.dims();
        let x = x.reshape([count, WIDTH, height * width]).mean_dim(2);
        x.reshape([count, WIDTH])
    }

    /// Features `[faces, 256]`, row by row, of faces as [`crop`](Self::crop) gives them.
    pub fn extract(&self, faces: &[f32]) -> Vec<f32> {
        match faces.is_empty() {
            true => Vec::new(),
            false => values(self.pooled(faces)),
        }
    }

    /// Probabilities `[faces, 7]` of [`EXPRESSIONS`].
    pub fn classify(&self, faces: &[f32]) -> Vec<f32> {
        match faces.is_empty() {
            true => Vec::new(),
            false => values(softmax(self.classifier.forward(self.pooled(faces)), 1)),
        }
    }
}
