//! What settings were chosen by, so that a reader knows how far the scores that follow depend on the choice.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use mct_corpus::fold::fold;
use mct_corpus::{Corpus, Task};
use mct_hfr::config::{Config, ProtocolKind};
use serde::{Deserialize, Serialize};

use crate::experiment::plan::{self, Setting};

/// The validation sets that settings were chosen on, and the config that they are changes of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// SHA-256 of the corpus.
    corpus: String,
    task: Task,
    protocol: ProtocolKind,
    folds: Vec<usize>,
    seeds: Vec<u64>,
    /// As a table, so that it can still be read where a later version has other keys.
    base: toml::Table,
}

impl Chosen {
    /// Of a choice over all folds and seeds of `setting`.
    ///
    /// # Errors
    /// When the config cannot be written.
    pub fn by(setting: &Setting) -> Result<Self> {
        Ok(Self {
            corpus: setting.corpus.sha256.clone(),
            task: setting.base.model.task,
            protocol: setting.base.training.protocol,
            folds: setting.folds.clone(),
            seeds: setting.seeds.clone(),
            base: toml::Table::try_from(&setting.base)?,
        })
    }

    /// What a reader of the scores of `setting` has to know, whose rows have the chosen settings.
    ///
    /// # Errors
    /// When the corpus cannot be split.
    pub fn notes(&self, setting: &Setting, corpus: &Corpus) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        if self.corpus != setting.corpus.sha256 {
            notes.push("the settings of the rows were chosen on another corpus".to_owned());
        } else {
            notes.extend(self.tested_too(setting, corpus)?);
            let own = setting.folds.iter();
            let own: Vec<_> = own.filter(|fold| self.folds.contains(fold)).collect();
            if self.is_split_of(&setting.base) && !own.is_empty() {
                notes.push(format!(
                    "the settings of the rows were chosen by the validation sets of folds {own:?} (seeds {:?}), whose \
                     scores are a little too good",
                    self.seeds
                ));
            }
        }
        notes.extend(self.other_base(&setting.base)?);
        Ok(notes)
    }

    /// That utterances of the validation sets that chose are tested.
    ///
    /// # Errors
    /// When the corpus cannot be split.
    pub fn tested_too(&self, setting: &Setting, corpus: &Corpus) -> Result<Option<String>> {
        let (mut chosen_by, mut tested) = (BTreeSet::new(), BTreeSet::new());
        for number in &self.folds {
            let fold = fold(corpus, self.task, self.protocol.into(), *number)?;
            chosen_by.extend(fold.validation);
        }
        let Config { model, training } = &setting.base;
        for number in &setting.folds {
            tested.extend(fold(corpus, model.task, training.protocol.into(), *number)?.test);
        }
        let both = chosen_by.intersection(&tested).count();
        let other = match self.is_split_of(&setting.base) {
            true => " (the protocol `session` has no such utterances)",
            false => "",
        };
        Ok((both > 0).then(|| {
            format!(
                "{both} of {} test utterances are in the validation set of another fold, by which settings are \
                 chosen: test scores are a little too good{other}",
                tested.len()
            )
        }))
    }

    /// Whether this config makes the folds that the choice was made on.
    fn is_split_of(&self, base: &Config) -> bool {
        (self.task, self.protocol) == (base.model.task, base.training.protocol)
    }

    /// In what the config of the rows is another one than that of the choice.
    fn other_base(&self, base: &Config) -> Result<Option<String>> {
        const NAMED: usize = 5;
        let flat = |table: &toml::Table| -> BTreeMap<String, String> {
            let mut keys = BTreeMap::new();
            flatten(table, "", &mut keys);
            // But for what rows, folds and seeds say.
            keys.retain(|key, _| {
                plan::SPLIT.contains(&key.as_str()) || plan::require_free("", key).is_ok()
            });
            keys
        };
        let (then, now) = (flat(&self.base), flat(&toml::Table::try_from(base)?));
        let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        let said = |value: Option<&String>| value.map_or("not there", String::as_str).to_owned();
        let other: Vec<String> = keys
            .into_iter()
            .filter(|key| then.get(*key) != now.get(*key))
            .map(|key| {
                format!(
                    "{key} was {}, is {}",
                    said(then.get(key)),
                    said(now.get(key))
                )
            })
            .collect();
        let more = match other.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        Ok((!other.is_empty()).then(|| {
            format!(
                "the settings of the rows were chosen with another config: {}{more}",
                other[..other.len().min(NAMED)].join(", ")
            )
        }))
    }
}

/// The values of a config, by their path.
fn flatten(table: &toml::Table, path: &str, keys: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let path = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        match value {
            toml::Value::Table(table) => flatten(table, &path, keys),
            value => {
                keys.insert(path, value.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(protocol: ProtocolKind, folds: &[usize], seeds: &[u64]) -> Setting {
        let mut base = Config::preset("demo").unwrap();
        base.training.protocol = protocol;
        Setting {
            base,
            corpus: mct_runs::CorpusReference {
                path: "corpus".into(),
                sha256: "0".into(),
            },
            device: "flex".into(),
            folds: folds.to_vec(),
            seeds: seeds.to_vec(),
        }
    }

    #[test]
    fn utterances_that_choose_and_are_tested_are_counted() {
        let corpus = mct_corpus::demo::generate(1, 0.02).unwrap();
        let of = |protocol, chosen: &[usize], tested: &[usize]| {
            let chosen = Chosen::by(&setting(protocol, chosen, &[1])).unwrap();
            let setting = setting(protocol, tested, &[2]);
            let said = chosen.tested_too(&setting, &corpus).unwrap();
            said.unwrap_or_default()
        };
        assert_eq!(of(ProtocolKind::Session, &[0, 1], &[0, 1]), "");
        let said = of(ProtocolKind::Speaker, &[0, 1], &[0, 1]);
        assert!(said.contains("validation set of another fold"), "{said}");
        // What chose counts, not what is tested: fold 0 tests no speaker that it validates on.
        assert_eq!(of(ProtocolKind::Speaker, &[0], &[0]), "");
        let all: Vec<usize> = (0..5).collect();
        let one = of(ProtocolKind::Speaker, &[0], &all);
        assert!(one.contains("validation set of another fold"), "{one}");
    }

    #[test]
    fn what_is_another_than_in_the_choice_is_said() {
        let corpus = mct_corpus::demo::generate(1, 0.02).unwrap();
        let chosen = Chosen::by(&setting(ProtocolKind::Session, &[0, 2], &[1])).unwrap();
        let read: Chosen = toml::from_str(&toml::to_string(&chosen).unwrap()).unwrap();
        assert_eq!(read, chosen);
        let said = |here: &Setting| chosen.notes(here, &corpus).unwrap().join("; ");
        let mut here = setting(ProtocolKind::Session, &[1], &[2]);
        assert_eq!(said(&here), "");
        // The utterances that chose are validated on again, whatever the seed.
        here.folds = vec![1, 2];
        let of_folds = said(&here);
        assert!(
            of_folds.contains("validation sets of folds [2] (seeds [1])"),
            "{of_folds}"
        );
        here.folds = vec![1];
        // Those of runs are not compared.
        here.base.training.seed = 9;
        here.base.training.fold = 1;
        assert_eq!(said(&here), "");
        here.base.training.epochs = 7;
        let config = said(&here);
        assert!(config.contains("training.epochs was 20, is 7"), "{config}");
        here.base.training.protocol = ProtocolKind::Speaker;
        let split = said(&here);
        assert!(
            split.contains("training.protocol was \"session\", is \"speaker\""),
            "{split}"
        );
        here.corpus.sha256 = "1".into();
        let other = said(&here);
        assert!(other.contains("on another corpus"), "{other}");
    }
}
