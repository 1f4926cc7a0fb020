//! The dialog that asks how features are imported: what their file does not say.

use mct_corpus::bins::Bins;
use mct_corpus::import::{Format, NonFinite, Options, SpeakerTable, of_modality, range};
use mct_corpus::{Precision, Task};
use mct_engine::source::{Features, Source};

/// An open dialog.
pub struct Importing {
    /// What is imported; its options are those of the last attempt.
    pub features: Features,
    /// Why the last attempt failed.
    pub problem: Option<String>,
    pub form: Form,
}

impl Importing {
    pub fn new(features: Features, problem: Option<String>) -> Self {
        Self {
            form: Form::of(&features),
            features,
            problem,
        }
    }

    /// The source with what the form says.
    ///
    /// # Errors
    /// Names the field that cannot be read.
    pub fn source(&self) -> Result<Source, String> {
        let mut features = self.features.clone();
        features.format = self.form.format;
        features.options = self.form.options()?;
        Ok(Source::Features(Box::new(features)))
    }

    /// Reads the speaker table that was chosen for it.
    pub fn set_speakers(&mut self, name: String, bytes: &[u8]) {
        match SpeakerTable::parse(&name, bytes) {
            Ok(table) => {
                self.form.speakers = Some((name, table));
                self.problem = None;
            }
            Err(error) => self.problem = Some(error.to_string()),
        }
    }
}

/// The fields of the dialog, as they are typed. Empty for what the file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Form {
    pub format: Option<Format>,
    pub labels: String,
    pub task: Option<Task>,
    pub bins: Option<Bins>,
    pub range: String,
    pub class_names: String,
    pub target_names: String,
    pub non_finite: NonFinite,
    pub zero_infinite: bool,
    pub rates: String,
    pub stack: String,
    pub speaker_from_id: String,
    /// The table and its name.
    pub speakers: Option<(String, SpeakerTable)>,
    pub precision: Option<Precision>,
    /// In MiB.
    pub max_unpacked: String,
    pub features_folder: String,
    pub title: String,
    pub licence: String,
}

impl Form {
    fn of(features: &Features) -> Self {
        let options = &features.options;
        let names = |names: &Option<Vec<String>>| names.as_deref().unwrap_or_default().join(", ");
        let speakers = options.speakers.clone();
        Self {
            format: features.format,
            labels: options.labels.join(", "),
            task: options.task,
            bins: options.bins,
            range: options
                .range
                .map_or_else(String::new, |[low, high]| format!("{low}, {high}")),
            class_names: names(&options.class_names),
            target_names: names(&options.target_names),
            non_finite: options.non_finite,
            zero_infinite: options.zero_infinite,
            rates: of_modalities(&options.rates),
            stack: of_modalities(&options.stack),
            speaker_from_id: options.speaker_from_id.clone().unwrap_or_default(),
            speakers: speakers.map(|table| ("speaker table".to_owned(), table)),
            precision: options.precision,
            max_unpacked: options
                .max_unpacked
                .map_or_else(String::new, |bytes| bytes.div_ceil(MIB).to_string()),
            features_folder: options
                .features
                .as_ref()
                .map_or_else(String::new, |folder| folder.display().to_string()),
            title: options.title.clone().unwrap_or_default(),
            licence: options.licence.clone().unwrap_or_default(),
        }
    }

    /// What the fields say.
    ///
    /// # Errors
    /// Names the field that cannot be read.
    pub fn options(&self) -> Result<Options, String> {
        let named = |what: &str, error: String| format!("{what}: {error}");
        let range = filled(&self.range).map(|text| range(&text)).transpose();
        let rates = parse(&self.rates).map_err(|error| named("steps a second", error))?;
        let stack = parse(&self.stack).map_err(|error| named("stacked steps", error))?;
        let unpacked = filled(&self.max_unpacked).map(|text| {
            let mib: Option<u64> = text.parse().ok();
            let bytes = mib.and_then(|mib| mib.checked_mul(MIB));
            bytes.ok_or_else(|| format!("unpacks to: found `{text}`, expected a number of MiB"))
        });
        Ok(Options {
            title: filled(&self.title),
            licence: filled(&self.licence),
            labels: split(&self.labels),
            task: self.task,
            bins: self.bins,
            range: range.map_err(|error| named("scale", error))?,
            target_names: filled(&self.target_names).map(|text| split(&text)),
            class_names: filled(&self.class_names).map(|text| split(&text)),
            non_finite: self.non_finite,
            zero_infinite: self.zero_infinite,
            stack,
            rates,
            extractors: Vec::new(),
            gaps: Vec::new(),
            unknowns: Vec::new(),
            speakers: self.speakers.clone().map(|(_, table)| table),
            speaker_from_id: filled(&self.speaker_from_id),
            precision: self.precision,
            max_unpacked: unpacked.transpose()?,
            features: filled(&self.features_folder).map(Into::into),
            spill: None,
        })
    }
}

const MIB: u64 = 1 << 20;

/// A field that is not empty.
fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Names that are separated by commas.
fn split(text: &str) -> Vec<String> {
    text.split(',').filter_map(filled).collect()
}

/// `audio=50, vision=25`.
fn parse<T: std::str::FromStr>(text: &str) -> Result<Vec<(String, T)>, String> {
    split(text).iter().map(|part| of_modality(part)).collect()
}

fn of_modalities<T: std::fmt::Display>(values: &[(String, T)]) -> String {
    let texts = values.iter().map(|(name, value)| format!("{name}={value}"));
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_its_options_say() {
        let options = Options {
            title: Some("mine".into()),
            labels: vec!["valence".into(), "arousal".into()],
            task: Some(Task::Regression),
            range: Some([-1.0, 1.0]),
            class_names: Some(vec!["sad".into(), "happy".into()]),
            non_finite: NonFinite::Zero,
            zero_infinite: true,
            rates: vec![("audio".into(), 50.0), ("vision".into(), 12.5)],
            stack: vec![("audio".into(), 4)],
            speaker_from_id: Some("(..)_".into()),
            speakers: SpeakerTable::parse("t", b"id,speaker\na,x\n").ok(),
            precision: Some(Precision::F16),
            max_unpacked: Some(3 << 20),
            ..Options::default()
        };
        let features = Features {
            format: Some(Format::Mult),
            options: options.clone(),
            ..Features::new(Source::Demo {
                seed: 1,
                scale: 1.0,
            })
        };
        let importing = Importing::new(features.clone(), None);
        assert_eq!(importing.form.options(), Ok(options));
        let same = Source::Features(Box::new(features));
        assert_eq!(importing.source(), Ok(same));
        assert_eq!(Form::default().options(), Ok(Options::default()));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = |form: Form| form.options().unwrap_err();
        let range = "3, -3".to_owned();
        let message = error(Form {
            range,
            ..Form::default()
        });
        assert!(message.starts_with("scale: expected two"), "{message}");
        let message = error(Form {
            rates: "audio 50".into(),
            ..Form::default()
        });
        assert!(
            message.starts_with("steps a second: expected MOD"),
            "{message}"
        );
        let message = error(Form {
            max_unpacked: "a lot".into(),
            ..Form::default()
        });
        assert!(message.contains("found `a lot`"), "{message}");
    }
}
