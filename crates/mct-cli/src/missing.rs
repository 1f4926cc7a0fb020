//! Options of the command line for the missing steps.

use anyhow::Result;
use clap::Args;
use mct_corpus::Corpus;
use mct_corpus::missing::{Missing, Pattern};
use mct_scores::PAPER_RATES;

use crate::arguments::rate;
use crate::output::usage;

/// Default seed of the masks of evaluation and limit: the same for all systems and seeds.
pub const MASK_SEED: u64 = 1;

/// The draws of the missing steps that experiments pool: seeds of the masks.
pub const MASK_SEEDS: [u64; 5] = [MASK_SEED, 2, 3, 4, 5];

/// Which steps are missing.
#[derive(Args, Clone)]
pub struct MissingArgs {
    /// Missing rates, ascending, separated by commas [default: 0.0 to 0.9 in steps of 0.1]
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = rate,
        default_values_t = PAPER_RATES,
        hide_default_value = true
    )]
    pub rates: Vec<f64>,
    /// Missing rate of one modality, 1 for absent (repeatable)
    #[arg(long = "missing", value_name = "MODALITY=RATE", value_parser = named_rate)]
    fixed: Vec<(String, f64)>,
    /// Drop bursts of consecutive steps of this mean length instead of single steps
    #[arg(long, value_name = "STEPS")]
    burst: Option<f64>,
    /// Drop the same moments in all modalities, instead of each modality its own
    #[arg(long)]
    same_moment: bool,
}

fn named_rate(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("expected MODALITY=RATE")?;
    Ok((name.to_owned(), rate(value)?))
}

impl MissingArgs {
    /// One rate for all modalities.
    pub fn uniform(rate: f64) -> Self {
        Self {
            rates: vec![rate],
            fixed: Vec::new(),
            burst: None,
            same_moment: false,
        }
    }

    /// The same at these rates.
    pub fn at(&self, rates: Vec<f64>) -> Self {
        Self {
            rates,
            ..self.clone()
        }
    }

    /// Rates 0.0 to 0.9, over which the paper computes AUILC.
    pub fn curve() -> Self {
        Self {
            rates: PAPER_RATES.to_vec(),
            ..Self::uniform(0.0)
        }
    }

    /// Each rate and what is missing at it.
    ///
    /// # Errors
    /// Rates that do not ascend, or modalities and patterns that do not fit the corpus: a usage error.
    pub fn settings(&self, corpus: &Corpus) -> Result<Vec<(f64, Missing)>> {
        if self.rates.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(usage(
                "--rates: expected each rate once, in ascending order",
            ));
        }
        let mut settings = Vec::new();
        for rate in &self.rates {
            let mut missing = Missing::uniform(*rate, corpus.modalities.len());
            if let Some(mean_steps) = self.burst {
                missing.pattern = Pattern::Burst { mean_steps };
            }
            missing.same_moment = self.same_moment;
            for (name, fixed) in &self.fixed {
                let index = corpus.modalities.iter().position(|m| m.name == *name);
                let Some(index) = index else {
                    let names: Vec<&str> =
                        corpus.modalities.iter().map(|m| m.name.as_str()).collect();
                    let names = names.join(", ");
                    return Err(usage(format!(
                        "--missing: found `{name}`, expected one of {names}"
                    )));
                };
                missing.rates[index] = *fixed;
            }
            missing.validate(corpus).map_err(usage)?;
            settings.push((*rate, missing));
        }
        Ok(settings)
    }
}
