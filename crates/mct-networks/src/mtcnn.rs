//! MTCNN: faces with five landmarks, by three networks of which each looks closer. The numbers are those
//! of facenet-pytorch.

use std::path::Path;

use burn::tensor::activation::{prelu, softmax};
use burn::tensor::{Device, Tensor, TensorData};

use crate::direct::{Direct, Pictures, pooled};
use crate::layers::{Linear, values};
use crate::picture::{Picture, Rectangle};
use crate::weights::{Weights, WeightsError};

/// Least probability of a face in each stage.
const THRESHOLDS: [f32; 3] = [0.6, 0.7, 0.7];
/// From one size of the pyramid to the next.
const FACTOR: f64 = 0.709;
/// The side that the first network sees.
const CELL: usize = 12;

/// A face in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    pub rectangle: Rectangle,
    pub probability: f32,
    /// Left eye, right eye, nose, left and right corner of the mouth, as they are seen.
    pub landmarks: [[f32; 2]; 5],
}

/// The three networks.
#[derive(Debug)]
pub struct Mtcnn {
    proposal: Stage,
    refinement: Stage,
    output: Stage,
    device: Device,
}

/// Convolutions with pooling between them, a hidden layer, and what is read off.
#[derive(Debug)]
struct Stage {
    convolutions: Vec<Step>,
    /// `None` in the first network, which is convolutional to its end.
    hidden: Option<(Linear, Tensor<1>)>,
    /// Probabilities, shifts of the rectangle, and in the last network landmarks.
    heads: Vec<Linear>,
}

#[derive(Debug)]
struct Step {
    conv: Direct,
    pool: Option<usize>,
}

/// A rectangle on its way through the stages.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    rectangle: Rectangle,
    score: f32,
    shift: [f32; 4],
}

impl Mtcnn {
    /// Opens the folder with `pnet.pt`, `rnet.pt` and `onet.pt`.
    ///
    /// # Errors
    /// When a file cannot be read or does not fit.
    pub fn open(folder: &Path, device: &Device) -> Result<Self, WeightsError> {
        let open = |name: &str| Weights::open(&folder.join(name), device);
        let (pnet, rnet, onet) = (open("pnet.pt")?, open("rnet.pt")?, open("onet.pt")?);
        let conv = |weights: &Weights, index: usize, shape, pool| -> Result<Step, WeightsError> {
            let (name, slope) = (format!("conv{index}"), format!("prelu{index}"));
            Ok(Step {
                conv: Direct::load(weights, &name, &slope, shape)?,
                pool,
            })
        };
        // A convolution of one pixel is a linear layer.
        let pixel = |name: &str, output: usize| -> Result<Linear, WeightsError> {
            let weight: Tensor<4> = pnet.tensor(&format!("{name}.weight"), [output, 32, 1, 1])?;
            Ok(Linear::of(
                weight.reshape([output, 32]).transpose(),
                pnet.tensor(&format!("{name}.bias"), [output])?,
            ))
        };
        let hidden = |weights: &Weights, index: usize, input, output| -> Result<_, WeightsError> {
            Ok(Some((
                Linear::load(weights, &format!("dense{index}"), input, output)?,
                weights.tensor(&format!("prelu{index}.weight"), [output])?,
            )))
        };
        Ok(Self {
            proposal: Stage {
                convolutions: vec![
                    conv(&pnet, 1, [10, 3, 3, 3], Some(2))?,
                    conv(&pnet, 2, [16, 10, 3, 3], None)?,
                    conv(&pnet, 3, [32, 16, 3, 3], None)?,
                ],
                hidden: None,
                heads: vec![pixel("conv4_1", 2)?, pixel("conv4_2", 4)?],
            },
            refinement: Stage {
                convolutions: vec![
                    conv(&rnet, 1, [28, 3, 3, 3], Some(3))?,
                    conv(&rnet, 2, [48, 28, 3, 3], Some(3))?,
                    conv(&rnet, 3, [64, 48, 2, 2], None)?,
                ],
                hidden: hidden(&rnet, 4, 576, 128)?,
                heads: vec![
                    Linear::load(&rnet, "dense5_1", 128, 2)?,
                    Linear::load(&rnet, "dense5_2", 128, 4)?,
                ],
            },
            output: Stage {
                convolutions: vec![
                    conv(&onet, 1, [32, 3, 3, 3], Some(3))?,
                    conv(&onet, 2, [64, 32, 3, 3], Some(3))?,
                    conv(&onet, 3, [64, 64, 3, 3], Some(2))?,
                    conv(&onet, 4, [128, 64, 2, 2], None)?,
                ],
                hidden: hidden(&onet, 5, 1152, 256)?,
                heads: vec![
                    Linear::load(&onet, "dense6_1", 256, 2)?,
                    Linear::load(&onet, "dense6_2", 256, 4)?,
                    Linear::load(&onet, "dense6_3", 256, 10)?,
                ],
            },
            device: device.clone(),
        })
    }

    /// All faces, the largest first; none smaller than `smallest` pixels.
    pub fn detect(&self, picture: &Picture, smallest: usize) -> Vec<Face> {
        let candidates = self.propose(picture, smallest.max(CELL));
        let candidates = self.refine(picture, candidates);
        let mut faces = self.finish(picture, candidates);
        faces.sort_by(|a, b| b.rectangle.area().total_cmp(&a.rectangle.area()));
        faces
    }

    /// The first network over the whole picture at every size.
    fn propose(&self, picture: &Picture, smallest: usize) -> Vec<Candidate> {
        let (width, height) = (picture.width(), picture.height());
        let mut scale = CELL as f64 / smallest as f64;
        let mut all = Vec::new();
        while width.min(height) as f64 * scale >= CELL as f64 {
            let size = |length: usize| (length as f64 * scale + 1.0) as usize;
            let (w, h) = (size(width), size(height));
            let pixels = picture.shrunk([0, 0, width, height], w, h);
            let x = self.proposal.convolve(scaled(&pixels, 1, w, h));
            let (rows, columns) = (x.height, x.width);
            let data = TensorData::new(x.values, [rows * columns, x.channels]);
            let cells: Tensor<2> = Tensor::from_data(data, &self.device);
            let scores = values(softmax(self.proposal.heads[0].forward(cells.clone()), 1));
            let found: Vec<usize> = (0..rows * columns)
                .filter(|cell| scores[2 * cell + 1] >= THRESHOLDS[0])
                .collect();
            if !found.is_empty() {
                let shifts = values(self.proposal.heads[1].forward(cells));
                let own = found.into_iter().map(|cell| {
                    let corner = |index: usize, offset: usize| {
                        ((2 * index + offset) as f32 / scale as f32).floor()
                    };
                    let (column, row) = (cell % columns, cell / columns);
                    Candidate {
                        rectangle: Rectangle {
                            left: corner(column, 1),
                            top: corner(row, 1),
                            right: corner(column, CELL),
                            bottom: corner(row, CELL),
                        },
                        score: scores[2 * cell + 1],
                        shift: std::array::from_fn(|k| shifts[4 * cell + k]),
                    }
                });
                all.extend(distinct(own.collect(), 0.5));
            }
            scale *= FACTOR;
        }
        let mut all = distinct(all, 0.7);
        for one in &mut all {
            let Rectangle { left, top, .. } = one.rectangle;
            let (width, height) = (one.rectangle.width(), one.rectangle.height());
            let [a, b, c, d] = one.shift;
            one.rectangle = squared(Rectangle {
                left: left + a * width,
                top: top + b * height,
                right: one.rectangle.right + c * width,
                bottom: one.rectangle.bottom + d * height,
            });
        }
        all
    }

    fn refine(&self, picture: &Picture, candidates: Vec<Candidate>) -> Vec<Candidate> {
        let (candidates, outputs) = self.look(&self.refinement, picture, candidates, 24);
        let [scores, shifts] = outputs.as_slice() else {
            return Vec::new();
        };
        let kept = candidates
            .into_iter()
            .enumerate()
            .filter_map(|(index, one)| {
                let score = scores[2 * index + 1];
                (score > THRESHOLDS[1]).then(|| Candidate {
                    score,
                    shift: std::array::from_fn(|k| shifts[4 * index + k]),
                    ..one
                })
            });
        let mut kept = distinct(kept.collect(), 0.7);
        for one in &mut kept {
            one.rectangle = squared(shifted(one));
        }
        kept
    }

    fn finish(&self, picture: &Picture, candidates: Vec<Candidate>) -> Vec<Face> {
        let (candidates, outputs) = self.look(&self.output, picture, candidates, 48);
        let [scores, shifts, points] = outputs.as_slice() else {
            return Vec::new();
        };
        let mut faces = Vec::new();
        for (index, one) in candidates.into_iter().enumerate() {
            let probability = scores[2 * index + 1];
            if probability <= THRESHOLDS[2] {
                continue;
            }
            let Rectangle { left, top, .. } = one.rectangle;
            let (width, height) = (one.rectangle.width() + 1.0, one.rectangle.height() + 1.0);
            let point = |k: usize| {
                [
                    width * points[10 * index + k] + left - 1.0,
                    height * points[10 * index + 5 + k] + top - 1.0,
                ]
            };
            faces.push(Face {
                rectangle: shifted(&Candidate {
                    shift: std::array::from_fn(|k| shifts[4 * index + k]),
                    ..one
                }),
                probability,
                landmarks: std::array::from_fn(point),
            });
        }
        // The last time by the smaller one: a face within a face is none.
        faces.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let mut kept: Vec<Face> = Vec::new();
        for face in faces {
            let hides = |other: &Face| overlap_of_smaller(&face.rectangle, &other.rectangle) > 0.7;
            if !kept.iter().any(hides) {
                kept.push(face);
            }
        }
        kept
    }

    /// The outputs of a network for every candidate, at the size that it reads; those that lie outside the
    /// picture are dropped.
    fn look(
        &self,
        stage: &Stage,
        picture: &Picture,
        candidates: Vec<Candidate>,
        size: usize,
    ) -> (Vec<Candidate>, Vec<Vec<f32>>) {
        /// Candidates at a time.
        const BATCH: usize = 64;
        let mut kept = Vec::new();
        let mut pixels = Vec::new();
        for one in candidates {
            // Pixels are counted from one here.
            let first = |v: f32| (v.trunc() as isize).max(1) as usize - 1;
            let last =
                |v: f32, limit: usize| (v.trunc() as isize).clamp(0, limit as isize) as usize;
            let Rectangle {
                left,
                top,
                right,
                bottom,
            } = one.rectangle;
            let part = [
                first(left),
                first(top),
                last(right, picture.width()),
                last(bottom, picture.height()),
            ];
            if part[2] > part[0] && part[3] > part[1] {
                pixels.extend(picture.shrunk(part, size, size));
                kept.push(one);
            }
        }
        let mut outputs = vec![Vec::new(); stage.heads.len()];
        for pixels in pixels.chunks(BATCH * 3 * size * size) {
            let count = pixels.len() / (3 * size * size);
            let x = scaled(pixels, count, size, size);
            for (all, own) in outputs.iter_mut().zip(stage.forward(x, &self.device)) {
                all.extend(own);
            }
        }
        (kept, outputs)
    }
}

/// Pictures with colours from 0 to 255 as the networks read them.
fn scaled(values: &[f32], count: usize, width: usize, height: usize) -> Pictures {
    Pictures {
        count,
        height,
        width,
        channels: 3,
        values: values.iter().map(|v| (v - 127.5) / 128.0).collect(),
    }
}

impl Stage {
    fn convolve(&self, mut x: Pictures) -> Pictures {
        for step in &self.convolutions {
            x = step.conv.forward(&x);
            if let Some(size) = step.pool {
                x = pooled(&x, size);
            }
        }
        x
    }

    /// What each head gives, row by row; the first as probabilities.
    fn forward(&self, x: Pictures, device: &Device) -> Vec<Vec<f32>> {
        let x = self.convolve(x);
        let shape = [x.count, x.height, x.width, x.channels];
        let x: Tensor<4> = Tensor::from_data(TensorData::new(x.values, shape), device);
        let [count, height, width, channels] = shape;
        // The hidden layer was trained on columns before rows before channels.
        let mut x = x
            .swap_dims(1, 2)
            .reshape([count, channels * height * width]);
        if let Some((linear, slope)) = &self.hidden {
            x = prelu(linear.forward(x), slope.clone());
        }
        let heads = self.heads.iter().enumerate();
        heads
            .map(|(index, head)| {
                let y = head.forward(x.clone());
                values(if index == 0 { softmax(y, 1) } else { y })
            })
            .collect()
    }
}

/// A candidate's rectangle moved by its shift, in pixels that are counted from one.
fn shifted(one: &Candidate) -> Rectangle {
    let rectangle = one.rectangle;
    let (width, height) = (rectangle.width() + 1.0, rectangle.height() + 1.0);
    let [a, b, c, d] = one.shift;
    Rectangle {
        left: rectangle.left + a * width,
        top: rectangle.top + b * height,
        right: rectangle.right + c * width,
        bottom: rectangle.bottom + d * height,
    }
}

/// The square around a rectangle.
fn squared(rectangle: Rectangle) -> Rectangle {
    let (width, height) = (rectangle.width(), rectangle.height());
    let side = width.max(height);
    let left = rectangle.left + width * 0.5 - side * 0.5;
    let top = rectangle.top + height * 0.5 - side * 0.5;
    Rectangle {
        left,
        top,
        right: left + side,
        bottom: top + side,
    }
}

/// The best ones, without those that overlap a better one by more than `limit`.
fn distinct(mut candidates: Vec<Candidate>, limit: f32) -> Vec<Candidate> {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Candidate> = Vec::new();
    for one in candidates {
        let overlap = |other: &Candidate| one.rectangle.intersection_over_union(&other.rectangle);
        if !kept.iter().any(|other| overlap(other) > limit) {
            kept.push(one);
        }
    }
    kept
}

/// The shared area by that of the smaller rectangle, in pixels that are counted from one.
fn overlap_of_smaller(a: &Rectangle, b: &Rectangle) -> f32 {
    let width = a.right.min(b.right) - a.left.max(b.left) + 1.0;
    let height = a.bottom.min(b.bottom) - a.top.max(b.top) + 1.0;
    let area = |r: &Rectangle| (r.width() + 1.0) * (r.height() + 1.0);
    width.max(0.0) * height.max(0.0) / area(a).min(area(b))
}
