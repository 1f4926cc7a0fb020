//! `predictions.json` of a run: what its best model says of the validation and the test set, beside a checksum.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mct_corpus::{atomic, regular};
use mct_scores::Predicted;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, sha256_of};

/// The predictions of a run that has finished. Of an experiment's run they are what says that it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predictions {
    /// Wall time of training in seconds, `None` where it was interrupted.
    pub training_seconds: Option<f64>,
    pub epochs: usize,
    pub fold: String,
    pub rates: Vec<f64>,
    /// What settings are chosen by.
    pub validation: SidePredictions,
    /// What is reported of the chosen ones.
    pub test: SidePredictions,
    /// Of the test set by the weights of the epoch that is the best on it, where a config asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_selected: Option<SidePredictions>,
}

/// The predictions of one side of a fold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SidePredictions {
    pub utterances: Vec<String>,
    /// `[draw][rate]`: a draw is one of the missing steps.
    pub draws: Vec<Vec<Predicted>>,
}

/// What stands before, between and behind the SHA-256 of the predictions and themselves.
const AROUND: [&str; 3] = ["{\"sha256\":\"", "\",\"predictions\":", "}\n"];

impl Predictions {
    /// All that is predicted.
    pub fn sides(&self) -> impl Iterator<Item = &SidePredictions> {
        let both = [&self.validation, &self.test];
        both.into_iter().chain(&self.test_selected)
    }

    /// Where they are in the folder of a run.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("predictions.json")
    }

    /// Reads those of the run in this folder.
    ///
    /// # Errors
    /// When there are none, and as [`Self::parse`].
    pub fn read(folder: &Path) -> Result<Self> {
        let path = Self::path(folder);
        let bytes = regular::read(&path, u64::MAX).map_err(Error::io(&path))?;
        let text = String::from_utf8(bytes)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
            .map_err(Error::io(&path))?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads the text of the file `name`.
    ///
    /// # Errors
    /// When it has another form or another checksum, or not each utterance's prediction at each rate of a draw.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let invalid = |field: &str, found: &str, expected: &str| -> Error {
            mct_hfr::Error::invalid(name, field, found, expected).into()
        };
        let [start, middle, end] = AROUND;
        let parts = text
            .strip_prefix(start)
            .and_then(|rest| rest.split_once(middle));
        let parts = parts.and_then(|(sha256, rest)| Some((sha256, rest.strip_suffix(end)?)));
        let Some((sha256, json)) = parts else {
            return Err(invalid("form", "another", "the predictions of a run"));
        };
        let digest = sha256_of(json.as_bytes());
        if digest != sha256 {
            let expected = format!("{sha256}: it has changed since it was written");
            return Err(invalid("SHA-256", &digest, &expected));
        }
        let predictions: Self = serde_json::from_str(json)
            .map_err(|error| invalid("form", &error.to_string(), "the predictions of a run"))?;
        let seconds = predictions.training_seconds;
        if let Some(found) = seconds.filter(|time| Duration::try_from_secs_f64(*time).is_err()) {
            return Err(invalid(
                "training_seconds",
                &found.to_string(),
                "a duration",
            ));
        }
        let count = |field: &str, found: usize, expected: usize| match found == expected {
            true => Ok(()),
            false => Err(invalid(field, &found.to_string(), &expected.to_string())),
        };
        let rates = &predictions.rates;
        for side in predictions.sides() {
            for draw in &side.draws {
                count("rates that were predicted at", draw.len(), rates.len())?;
                for (rate, predicted) in rates.iter().zip(draw) {
                    let field = format!("predictions at rate {rate}");
                    count(&field, predicted.len(), side.utterances.len())?;
                }
            }
        }
        let tested = &predictions.test.utterances;
        let other = |side: &&SidePredictions| side.utterances != *tested;
        if predictions.test_selected.as_ref().filter(other).is_some() {
            let expected = "those of the test set";
            return Err(invalid("test_selected.utterances", "others", expected));
        }
        Ok(predictions)
    }

    /// Writes them into the folder of their run.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        let path = Self::path(folder);
        let json = serde_json::to_string(self).map_err(Error::unwritable(&path))?;
        Ok(atomic::write(&path, sealed(&json).as_bytes())?)
    }
}

/// The text of the file: the predictions as JSON with their checksum.
pub fn sealed(json: &str) -> String {
    let [start, middle, end] = AROUND;
    [start, &sha256_of(json.as_bytes()), middle, json, end].concat()
}
