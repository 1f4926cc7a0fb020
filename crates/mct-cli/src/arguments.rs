//! Parsers of values on the command line.

use anyhow::Result;
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use mct_hfr::config::{Config, System};
use mct_runs::Which;
use serde::de::DeserializeOwned;

use crate::output::usage;

#[derive(Clone, Copy, ValueEnum)]
pub enum Stored {
    F32,
    F16,
}

/// A value by its name in config files.
pub fn kebab<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

/// A system by its name.
pub fn system() -> impl TypedValueParser<Value = System> {
    PossibleValuesParser::new(System::ALL.iter().map(|system| system.name()))
        .try_map(|name| System::named("--system", &name))
}

/// Which checkpoint of a run.
pub fn which(text: &str) -> Result<Which, String> {
    match text {
        "best" => Ok(Which::Best),
        "last" => Ok(Which::Last),
        _ => Err("expected best (on the validation set) or last".to_owned()),
    }
}

/// A checkpoint of a run to score, which may be the one that its test set chose.
pub fn scored(text: &str) -> Result<Which, String> {
    match text {
        "test-selected" => Ok(Which::TestSelected),
        _ => which(text).map_err(|expected| format!("{expected}, or test-selected")),
    }
}

/// A missing rate, from 0 to 1.
pub fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("a missing rate is a number from 0 to 1".to_owned())
    }
}

/// `key=value`, both trimmed.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

/// The config with the values of `--set`.
///
/// # Errors
/// A key that does not exist or a value that is invalid, as a usage error.
pub fn settings(config: Config, set: &[(String, String)]) -> Result<Config> {
    config.set("--set", set).map_err(usage)
}

/// Utterances per batch.
pub fn batch_size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 1..=65_536) => Ok(size),
        _ => Err("a batch holds 1 to 65536 utterances".to_owned()),
    }
}
