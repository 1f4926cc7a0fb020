//! `mct-hfr complexity`: Table 4.

use anyhow::Result;
use clap::Args;
use mct_corpus::Corpus;
use mct_hfr::config::{Config, Interface, PRESETS};
use mct_hfr::evaluation::complexity::{Count, count, paper_interface};

use crate::arguments::{key_value, settings};
use crate::output::{say, say_json, table, usage};

/// Parameters and multiply-accumulates of a model, for one utterance of maximal length
///
/// Each is counted in full and as thop does, the tool that the paper used: it leaves out the input
/// projections of attention and the products of queries, keys and values.
#[derive(Args)]
pub struct Complexity {
    /// Named settings
    #[arg(long, default_value = "paper", value_parser = PRESETS)]
    preset: String,
    /// Change a value of the config (key=value, repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
    /// Take feature sizes and classes from this corpus instead of the paper's
    #[arg(long, value_name = "FILE")]
    corpus: Option<std::path::PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Complexity {
    pub fn run(self) -> Result<()> {
        let mut config = settings(Config::preset(&self.preset)?, &self.set)?;
        let interface = match &self.corpus {
            Some(path) => {
                let corpus = Corpus::open(path)?;
                let all: Vec<usize> = (0..corpus.len()).collect();
                config.model = config.model.with_steps_of(&corpus, &all);
                Interface::of(&corpus, config.model.task)
            }
            None => paper_interface(),
        };
        let mut shapes = interface.modalities.iter();
        if let Some(shape) = shapes.find(|s| config.model.modality(&s.name).max_steps.is_auto()) {
            return Err(usage(format!(
                "model.modality.{}.max_steps: found auto, expected a number: name a --corpus, or --set it",
                shape.name
            )));
        }
        let counts = count(&config, &interface)?;
        if self.json {
            return say_json(&counts);
        }
        let millions = |count: u64| format!("{:.3}", count as f64 / 1e6);
        let row = |name: &str, count: Count| {
            vec![
                name.to_owned(),
                count.parameters.to_string(),
                millions(count.macs),
                count.thop_parameters.to_string(),
                millions(count.thop_macs),
            ]
        };
        let rows = [
            row("one layer", counts.layer),
            row("inference", counts.inference),
            row("training", counts.training),
        ];
        let header = ["", "parameters", "MMAC", "parameters (thop)", "MMAC (thop)"];
        let modalities = interface.modalities.iter().zip(&counts.steps);
        let steps: Vec<String> = modalities
            .map(|(m, steps)| format!("{} {steps}", m.name))
            .collect();
        say(table(&header, &rows));
        say(format!("steps: {}", steps.join(", ")));
        Ok(())
    }
}
