//! Pretrained networks that features are extracted with, on burn: inference only, each in a file of its
//! own, with weights in the formats in which they are published.
//!
//! | module | network | input | what is taken |
//! |---|---|---|---|
//! | [`bert`] | BERT, MiniLM | word pieces | mean of the last four layers |
//! | [`wav2vec`] | wav2vec 2.0, HuBERT, WavLM | samples at 16 kHz | convolutional encoder or a layer |
//! | [`silero`] | Silero VAD | samples at 16 kHz | LSTM states |
//! | [`resemblyzer`] | Resemblyzer's voice encoder | mel bands | LSTM states |
//! | [`mtcnn`] | MTCNN | a picture | faces with five landmarks |
//! | [`expression`] | face-api.js's expression network | a face | pooled features |
//! | [`resnet`] | ResNet-50 of VGGFace2 | a face | pooled features of a stage |
//!
//! Every network takes one utterance or picture after the other: nothing is padded, so that features do
//! not depend on what else is extracted.
#![recursion_limit = "256"]

pub mod bert;
mod channels_last;
mod direct;
pub mod expression;
pub mod files;
mod gelu;
mod layers;
pub mod mtcnn;
mod picture;
pub mod resemblyzer;
pub mod resnet;
pub mod silero;
pub mod wav2vec;
mod weights;
mod wordpiece;

pub use burn::tensor::Device;
pub use picture::{Picture, Rectangle};
pub use weights::{Weights, WeightsError};
pub use wordpiece::WordPiece;
