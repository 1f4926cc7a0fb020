//! What a system has to do, and what it works on.

use burn::tensor::{Device, Tensor};

use crate::config::{Interface, ModelConfig};
use crate::data::Batch;
use crate::nn::mode::Mode;
use crate::nn::padding::PaddingMask;
use crate::objectives::losses::Losses;
use crate::objectives::supervision::Supervision;

/// One view of a batch on its way through a network. Values at padding have no meaning.
#[derive(Debug, Clone)]
pub struct View {
    /// `X'_m` (eq. 3), per modality `[batch, time, d_model]`; empty for a system without convolutions.
    pub convolved: Vec<Tensor<3>>,
    /// `H_m` (eq. 4), per modality `[batch, time, d_model]`; empty likewise.
    pub embedded: Vec<Tensor<3>>,
    /// The sequences after each layer of the fusion, `E_m` for MCT; the system's file says which.
    pub layers: Vec<Vec<Tensor<3>>>,
    /// What the classifier reads, `h_m` for MCT: each `[batch, width]`.
    pub pooled: Vec<Tensor<2>>,
    /// Of the classes, or standardised intensities: `[batch, outputs]`.
    pub logits: Tensor<2>,
}

impl View {
    /// `h`, the pooled vectors concatenated: `[batch, sum of their widths]`.
    pub fn joint(&self) -> Tensor<2> {
        Tensor::cat(self.pooled.clone(), 1)
    }
}

/// A batch as networks see it.
pub struct Sample<'a> {
    pub batch: &'a Batch,
    /// Features with all of their steps, per modality `[batch, time, features]`.
    pub complete: Vec<Tensor<3>>,
    /// The same with the missing steps replaced.
    pub incomplete: Vec<Tensor<3>>,
    /// Per modality.
    pub masks: Vec<PaddingMask>,
    /// What the outputs of either view are held against.
    pub supervision: Supervision,
}

/// What is known of the steps of a view, for a system that reconstructs some.
pub struct Steps<'a> {
    /// 1 at missing steps, per modality `[batch, time, 1]`.
    pub missing: &'a [Tensor<3>],
    /// Per modality.
    pub masks: &'a [PaddingMask],
    /// Of the view's sequences after the fusion: the same, unless they are of other utterances.
    pub fused_masks: &'a [PaddingMask],
}

/// What a system has to do; everything else is the same for all of them.
pub trait Network {
    fn new(config: &ModelConfig, interface: &Interface, device: &Device) -> Self
    where
        Self: Sized;

    /// From features, per modality `[batch, time, features]`, to logits.
    fn view(&self, features: Vec<Tensor<3>>, masks: &[PaddingMask], mode: &mut Mode) -> View;

    /// Features of modality `m` that the system reconstructs from an incomplete view,
    /// `[batch, time, features]`; `None` for a system that reconstructs none.
    fn imagine(
        &self,
        _view: &View,
        _m: usize,
        _steps: &Steps<'_>,
        _mode: &mut Mode,
    ) -> Option<Tensor<3>> {
        None
    }

    /// How much each step attends to each step of the hyper-modality in a layer of the fusion,
    /// `[batch, heads, queries, keys]`, both axes over the concatenated modalities; `None` for a system
    /// without a hyper-modality, or when there is no such layer.
    fn attention(
        &self,
        _features: Vec<Tensor<3>>,
        _masks: &[PaddingMask],
        _layer: usize,
    ) -> Option<Tensor<4>> {
        None
    }

    /// Adds the system's own terms to the supervised loss of the incomplete `view`.
    fn auxiliary(
        &self,
        _losses: &mut Losses,
        _view: &View,
        _sample: &Sample<'_>,
        _mode: &mut Mode,
    ) {
    }

    /// Beginnings of the names of the parameters that one layer of the fusion has, `*` standing for a
    /// number; what Table 4 counts as a layer.
    fn first_layer(&self) -> &'static [&'static str] {
        &["layers.0."]
    }
}
