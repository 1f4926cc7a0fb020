//! The experiments of the paper, and those of a file: which rows they compare, and how they are shown.

use std::path::Path;

use anyhow::{Context as _, Result};
use mct_hfr::config::{Strategy, System};
use serde::{Deserialize, Serialize};

use crate::experiment::chosen::Chosen;
use crate::output::usage;

/// One row of a table: a system with its training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub name: String,
    pub system: System,
    pub strategy: Strategy,
    /// Values of the config that differ from the preset, by their path.
    #[serde(default)]
    pub set: Vec<(String, String)>,
    /// Position of the row in a sweep: the panel and the value.
    #[serde(default)]
    pub sweep: Option<(String, f64)>,
}

/// How the results of an experiment are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum View {
    /// The four scores on complete data and their AUILC, with the significance of differences.
    Scores,
    /// UA and UF1 against the missing rate.
    Curves,
    /// Whether the probabilities mean what they say.
    Calibration,
    /// AUILC of UA by duration.
    Durations,
    /// UA and UF1 on complete and on incomplete data, as bars.
    Bars,
    /// AUILC of UA and UF1 against a setting.
    Sweep,
    /// Confusion matrices at the rates of figure 8.
    Confusion,
    /// t-SNE of complete and incomplete views, on the first fold with the first seed.
    Embedding,
}

/// The rows that an experiment compares, and how their results are shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    pub title: String,
    pub rows: Vec<Row>,
    pub views: Vec<View>,
    /// By what the settings of the rows were chosen, as a search writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Chosen>,
}

/// Names of the built-in experiments that train.
pub const NAMES: [&str; 10] = [
    "table2", "table3", "table5", "fig3", "fig4", "fig5", "fig6", "fig7", "fig8", "fig9",
];

fn row(name: &str, system: System, strategy: Strategy) -> Row {
    Row {
        name: name.to_owned(),
        system,
        strategy,
        set: Vec::new(),
        sweep: None,
    }
}

fn dynamic(name: &str, system: System) -> Row {
    row(name, system, Strategy::Dynamic)
}

/// MCT-HFR with some values of the config changed.
fn changed(name: &str, set: &[(&str, &str)]) -> Row {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Row {
        set: set.iter().map(owned).collect(),
        ..dynamic(name, System::MctHfr)
    }
}

/// The nine rows of tables 2 and 3: each system with the training that its paper describes.
fn compared() -> Vec<Row> {
    use Strategy::{Complete, Dynamic, OneToOne};
    vec![
        row("MulT", System::Mult, Complete),
        row("MISA", System::Misa, Complete),
        row("PMR", System::Pmr, Complete),
        row("CHFN", System::Chfn, Complete),
        row("TFR-Net†", System::TfrNet, OneToOne),
        row("EMT-DLFR†", System::EmtDlfr, OneToOne),
        row("MCT", System::Mct, Complete),
        row("MCT-HFR†", System::MctHfr, OneToOne),
        row("MCT-HFR⋆", System::MctHfr, Dynamic),
    ]
}

fn sweep() -> Vec<Row> {
    let values = |key: &str, panel: &str, values: &[f64]| -> Vec<Row> {
        let row = |value: &f64| Row {
            sweep: Some((panel.to_owned(), *value)),
            ..changed(&format!("{panel} = {value}"), &[(key, &value.to_string())])
        };
        values.iter().map(row).collect()
    };
    let weights = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
    [
        values("model.layers", "N", &[2.0, 3.0, 4.0, 5.0, 6.0]),
        // Eq. 18's α, which weighs both terms of GFA.
        values("training.alpha", "α", &weights)
            .into_iter()
            .map(|mut row| {
                let value = row.set[0].1.clone();
                row.set.push(("training.alpha_complete".to_owned(), value));
                row
            })
            .collect(),
        values("training.beta", "β", &weights),
    ]
    .concat()
}

impl Experiment {
    /// The built-in experiment of this name.
    pub fn named(name: &str) -> Option<Self> {
        use View::{Bars, Calibration, Confusion, Curves, Durations, Embedding, Scores, Sweep};
        let (title, rows, views) = match name {
            "table2" | "table3" => (
                "Systems on complete and incomplete data (tables 2 and 3)",
                compared(),
                vec![Scores, Calibration],
            ),
            "fig3" | "fig4" => (
                "Scores over missing rates (figures 3 and 4)",
                compared(),
                vec![Curves],
            ),
            "table5" => (
                "Re-scaling factors by duration (table 5)",
                vec![
                    dynamic("PMR", System::Pmr),
                    dynamic("TFR-Net", System::TfrNet),
                    dynamic("MCT-HFR", System::MctHfr),
                    changed("w/o γ_b", &[("model.balance", "false")]),
                    changed("w/o γ_e", &[("model.extrapolation", "false")]),
                    changed(
                        "w/o γ_b, γ_e",
                        &[("model.balance", "false"), ("model.extrapolation", "false")],
                    ),
                ],
                vec![Durations],
            ),
            "fig5" => (
                "Roles of LFI and GFA (figure 5)",
                [
                    System::TfrNet,
                    System::EmtDlfr,
                    System::Mct,
                    System::MctGfa,
                    System::MctLfi,
                    System::MctHfr,
                ]
                .map(|system| dynamic(system.title(), system))
                .to_vec(),
                vec![Bars],
            ),
            "fig6" => (
                "Distances of GFA (figure 6)",
                [
                    ("CMD", "model.distance", "cmd"),
                    ("smooth L1", "model.distance", "smooth-l1"),
                    ("cosine", "model.distance", "cosine"),
                    ("JSD", "model.distance", "jsd"),
                    ("predictions", "model.alignment", "predictions"),
                ]
                .map(|(name, key, value)| {
                    let vectors = ("model.alignment", "joint-vectors");
                    changed(name, &[vectors, (key, value)])
                })
                .to_vec(),
                vec![Bars],
            ),
            "fig7" => ("Layers and loss weights (figure 7)", sweep(), vec![Sweep]),
            "fig8" => (
                "Confusion matrices (figure 8)",
                [System::Mct, System::MctHfr]
                    .map(|system| dynamic(system.title(), system))
                    .to_vec(),
                vec![Confusion],
            ),
            "fig9" => (
                "Representations of complete and incomplete views (figure 9)",
                vec![dynamic("MCT-HFR", System::MctHfr)],
                vec![Embedding],
            ),
            _ => return None,
        };
        Some(Self {
            title: title.to_owned(),
            rows,
            views,
            chosen: None,
        })
    }

    /// The built-in experiment `name`, or that of the TOML file `name`.
    ///
    /// # Errors
    /// When there is neither, or the file is invalid.
    pub fn read(name: &str) -> Result<Self> {
        if let Some(experiment) = Self::named(name) {
            return Ok(experiment);
        }
        if !Path::new(name).exists() {
            let expected = NAMES.join(", ");
            return Err(usage(format!(
                "experiment: found `{name}`, expected {expected}, table4, all or a TOML file"
            )));
        }
        let text = mct_corpus::regular::read_settings(name.as_ref()).context(name.to_owned())?;
        let experiment: Self = toml::from_str(&text).map_err(|error| {
            let found = error.to_string();
            mct_hfr::Error::invalid(
                name,
                "experiment",
                found.trim_end(),
                "title, rows and views",
            )
        })?;
        if experiment.rows.is_empty() || experiment.views.is_empty() {
            let found = format!(
                "{} rows, {} views",
                experiment.rows.len(),
                experiment.views.len()
            );
            let expected = "one or more of each";
            return Err(mct_hfr::Error::invalid(name, "experiment", found, expected).into());
        }
        Ok(experiment)
    }
}
