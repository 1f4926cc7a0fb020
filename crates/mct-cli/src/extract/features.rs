//! Which features are extracted, and where the weights for them are.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use mct_extractors::{Extractor, Extractors, weights};

use crate::device;
use crate::output::usage;

/// A modality and what extracts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    pub modality: String,
    pub extractor: Extractor,
}

impl Feature {
    /// `MODALITY=EXTRACTOR`, or an extractor alone, whose modality is the usual one.
    ///
    /// # Errors
    /// When there is no such extractor.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (modality, name) = match text.split_once('=') {
            Some((modality, name)) => (Some(modality.trim()), name.trim()),
            None => (None, text.trim()),
        };
        let extractor = Extractor::parse(name)?;
        let modality = modality.unwrap_or_else(|| extractor.modality());
        if modality.is_empty() {
            return Err("expected MODALITY=EXTRACTOR".to_owned());
        }
        Ok(Self {
            modality: modality.to_owned(),
            extractor,
        })
    }
}

/// Where pretrained networks are.
#[derive(Debug, Clone, Args)]
pub struct PretrainedArgs {
    /// The folder with the weights of networks that extract features [default: MCT_HFR_WEIGHTS, else a
    /// folder of the user's data]
    #[arg(long, value_name = "DIR")]
    pretrained: Option<PathBuf>,
}

impl PretrainedArgs {
    /// The folder, whether it is there or not.
    ///
    /// # Errors
    /// When the user has no folder for data.
    pub fn folder(&self) -> Result<PathBuf> {
        let own = self.pretrained.clone().or_else(weights::default_folder);
        own.ok_or_else(|| usage("--pretrained: there is no folder for data of yours"))
    }

    /// The extractors with their weights, on the device of this name.
    ///
    /// # Errors
    /// When weights are missing or do not fit.
    pub fn load(&self, extractors: &[Extractor], device: &str) -> Result<Extractors> {
        if extractors.iter().all(|own| own.weights().is_empty()) {
            // No device is asked for what needs none.
            let cpu = mct_hfr::device::by_name(mct_hfr::device::CPU)?;
            return Ok(Extractors::load(extractors, "".as_ref(), &cpu.device)?);
        }
        let named = device::choose(device)?;
        Ok(Extractors::load(
            extractors,
            &self.folder()?,
            &named.device,
        )?)
    }
}
