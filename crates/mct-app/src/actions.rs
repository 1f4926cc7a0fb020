//! Actions from around the window: of the page's controls for screen readers, and of its address.

use std::collections::BTreeMap;

use mct_engine::evaluation::Side;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::layout;
use crate::panels::Pane;
use crate::state::Workspace;
use crate::state::command::Command;

/// An action. One that fits nothing has no effect.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The missing rate of all modalities.
    Rate(f64),
    /// Whether a modality is there.
    There(String, bool),
    /// The side, by its title.
    Side(String),
    /// Which of the open models is shown.
    Model(usize),
    /// Starts a training with the settings of its panel, or stops the one under way.
    Train(bool),
    Conditions(Conditions),
}

/// What is evaluated, as the page's address says it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    pub rate: f64,
    /// Modalities that are missing as a whole.
    pub without: Vec<String>,
    /// Missing rates of their own.
    pub own: BTreeMap<String, f64>,
    /// Mean length of bursts in steps.
    pub burst: Option<f64>,
    pub same_moments: bool,
    /// `None`: the usual one.
    pub mask_seed: Option<u64>,
    pub side: Option<String>,
    /// The ids of the utterances that are selected; empty where they are many.
    pub selected: Vec<String>,
    /// The name of the shown model, where it is not the first, and of the one that it is compared with; of those
    /// that are asked for, also before they are open.
    pub model: Option<String>,
    pub compared: Option<String>,
    /// The views in front, by their slugs, where they are not those of the first start.
    pub views: Vec<String>,
    /// Whether it is shown how much each step counts.
    pub importance: bool,
}

/// The conditions once the window has become what was asked for, or what nobody chose: with another number each
/// time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settled {
    pub number: u32,
    pub conditions: Conditions,
}

/// Of more selected utterances none is named.
const NAMED: usize = 20;

/// More utterances are not listed: nobody listens to them.
const LISTED: usize = 200;

impl Workspace {
    /// Performs an action.
    pub fn act(&mut self, action: Action) {
        match action {
            Action::Rate(rate) => self.missing.rate = rate.clamp(0.0, 1.0),
            Action::There(name, there) => {
                let modalities = self.missing.modalities.iter_mut();
                for modality in modalities.filter(|modality| modality.name == name) {
                    modality.off = !there;
                }
            }
            Action::Side(title) => self.side = side(&title).unwrap_or(self.side),
            Action::Model(index) => {
                let id = self.models.iter().nth(index).map(|open| open.card.id);
                if let Some(id) = id {
                    self.models.show(id);
                }
            }
            Action::Train(true) => match self.training.settings.run() {
                Ok(run) if self.corpus.is_some() && !self.training.phase.is_busy() => {
                    self.command(Command::Train(run));
                }
                Ok(_) => {}
                Err(problem) => self.training.problem = Some(problem),
            },
            Action::Train(false) => self.command(Command::StopTraining),
            Action::Conditions(conditions) => self.set_conditions(&conditions),
        }
    }

    fn set_conditions(&mut self, conditions: &Conditions) {
        self.settled = None;
        let missing = &mut self.missing;
        missing.reset();
        missing.rate = conditions.rate.clamp(0.0, 1.0);
        for modality in &mut missing.modalities {
            modality.off = conditions.without.contains(&modality.name);
            let own = conditions.own.get(&modality.name);
            modality.own_rate = own.map(|rate| rate.clamp(0.0, 1.0));
        }
        missing.burst = conditions.burst.is_some();
        missing.burst_steps = conditions
            .burst
            .map_or(missing.burst_steps, |steps| steps.clamp(1.0, 200.0));
        missing.same_moment = conditions.same_moments;
        missing.mask_seed = conditions.mask_seed.unwrap_or(missing.mask_seed);
        let chosen = conditions.side.as_deref().and_then(side);
        self.side = chosen.unwrap_or_default();
        self.models
            .want(conditions.model.clone(), conditions.compared.clone());
        self.inspector.weighs = conditions.importance;
        let named = |slug: &String| Pane::ALL.iter().find(|pane| pane.slug() == slug);
        let mut views: Vec<Pane> = conditions.views.iter().filter_map(named).copied().collect();
        if views.is_empty() && !self.front.is_empty() {
            views = layout::FIRST.to_vec();
        }
        // Where there is room for one of them it is the first.
        for pane in views.into_iter().rev() {
            self.command(Command::Show(pane));
        }
        let Some(card) = &self.corpus else {
            return;
        };
        let utterances = card.utterances.iter().enumerate();
        let chosen = utterances.filter(|(_, own)| conditions.selected.contains(&own.id));
        let chosen: Vec<usize> = chosen.map(|(index, _)| index).collect();
        match chosen.as_slice() {
            [] => self.selection.clear(),
            [one] => self.selection.one(*one),
            _ => self.selection.set(chosen, "from the address"),
        }
    }

    /// Remembers the conditions once the window has become what was asked for, which is no step of a person's:
    /// nothing is to be performed any more, and the views are those of the frame `before`. `false` while it waits.
    pub fn settle(&mut self, before: &[String]) -> bool {
        if self.settled.is_none() && self.corpus.is_some() {
            let is_still = !self.has_commands() && before == self.front;
            self.settled = is_still.then(|| {
                self.settlings += 1;
                Settled {
                    number: self.settlings,
                    conditions: self.conditions(),
                }
            });
            return is_still;
        }
        true
    }

    /// What [`Action::Conditions`] brings back.
    pub fn conditions(&self) -> Conditions {
        let missing = &self.missing;
        let modalities = || missing.modalities.iter();
        let usual = crate::state::missing::MissingSettings::default();
        Conditions {
            rate: missing.rate,
            without: modalities()
                .filter(|modality| modality.off)
                .map(|modality| modality.name.clone())
                .collect(),
            own: modalities()
                .filter_map(|modality| Some((modality.name.clone(), modality.own_rate?)))
                .collect(),
            burst: missing.burst.then_some(missing.burst_steps),
            same_moments: missing.same_moment,
            mask_seed: (missing.mask_seed != usual.mask_seed).then_some(missing.mask_seed),
            side: (self.side != Side::default()).then(|| self.side.title().to_owned()),
            selected: self.selected_ids(),
            model: self.models.shown_name().map(str::to_owned),
            compared: self.models.compared_name().map(str::to_owned),
            views: self.front.clone(),
            importance: self.inspector.weighs,
        }
    }

    /// The ids of the selection; empty where they are many.
    fn selected_ids(&self) -> Vec<String> {
        let Some(card) = self
            .corpus
            .as_ref()
            .filter(|_| self.selection.len() <= NAMED)
        else {
            return Vec::new();
        };
        let utterances = self.selection.iter();
        let utterances = utterances.filter_map(|index| card.utterances.get(index));
        utterances.map(|utterance| utterance.id.clone()).collect()
    }

    /// The utterances that the shown model has predicted: each with what is true and predicted and how
    /// probable that is, in words; the first ones, and how many there are. `None` before there are any.
    pub fn listed(&self) -> Option<Value> {
        let (open, _) = self.shown_held()?;
        let (card, evaluated) = (self.corpus.as_ref()?, open.evaluated.as_ref()?);
        let names = &evaluated.categories.names;
        let name = |class: usize| names.get(class).map_or("", String::as_str);
        let rows = evaluated.utterances.iter().take(LISTED).map(|index| {
            let utterance = &card.utterances[*index];
            let truth = evaluated.categories.label(utterance);
            let predicted = evaluated.class_of(*index).unwrap_or(usize::MAX);
            let outputs = evaluated.outputs_of(*index).unwrap_or(&[]);
            let sure = match evaluated.intensity_of(*index) {
                Some(value) => format!("{value:.2}"),
                None => match outputs.get(predicted) {
                    Some(share) => format!("{:.0} %", share * 100.0),
                    None => String::new(),
                },
            };
            let truth = truth.map_or("unknown", name);
            json!([utterance.id, truth, name(predicted), sure])
        });
        let sure = match evaluated.categories.target() {
            None => "probability",
            Some(_) => "intensity",
        };
        Some(json!({
            "header": ["utterance", "true", "predicted", sure],
            "rows": rows.collect::<Vec<_>>(),
            "count": evaluated.utterances.len(),
        }))
    }
}

/// The side of this title.
fn side(title: &str) -> Option<Side> {
    Side::EVERY.into_iter().find(|side| side.title() == title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mct_corpus::Metadata;
    use mct_engine::evaluation::CorpusCard;
    use mct_engine::source::Source;

    fn fresh() -> Workspace {
        let mut workspace = Workspace::new();
        workspace.missing.set_modalities(&["audio", "text"]);
        workspace
    }

    fn act(workspace: &mut Workspace, json: &str) {
        workspace.act(serde_json::from_str(json).unwrap());
    }

    /// Whatever the page around the window says, rates stay between 0 and 1.
    #[test]
    fn no_changed_letter_of_an_action_does_harm() {
        const SEEDS: [&str; 4] = [
            r#"{"rate":0.5}"#,
            r#"{"there":["audio",false]}"#,
            r#"{"model":0}"#,
            r#"{"conditions":{"rate":0.25,"without":["text"],"own":{"audio":0.5},"burst":3.5,"mask_seed":7,"side":"all","selected":["a"]}}"#,
        ];
        let others = [
            "",
            "-",
            "9999999999",
            "1e300",
            "null",
            "\"",
            "{",
            "[]",
            "\u{0}",
            "é",
        ];
        let mut taken = 0;
        for seed in SEEDS {
            for at in 0..seed.len() {
                for other in others {
                    let changed = [&seed[..at], other, &seed[at + 1..]].concat();
                    let Ok(action) = serde_json::from_str::<Action>(&changed) else {
                        continue;
                    };
                    taken += 1;
                    let mut workspace = fresh();
                    workspace.act(action);
                    let rates = workspace.missing.conditions().missing.rates;
                    assert!(
                        rates.iter().all(|rate| (0.0..=1.0).contains(rate)),
                        "{changed}"
                    );
                    assert!(workspace.missing.burst_steps >= 1.0, "{changed}");
                }
            }
        }
        assert!(taken > 100, "{taken}");
    }

    #[test]
    fn conditions_come_back_as_they_were() {
        let mut workspace = fresh();
        act(&mut workspace, r#"{"rate":0.4}"#);
        act(&mut workspace, r#"{"there":["audio",false]}"#);
        act(&mut workspace, r#"{"side":"validation"}"#);
        workspace.missing.modalities[1].own_rate = Some(0.7);
        workspace.missing.burst = true;
        workspace.missing.mask_seed = 9;
        let json = serde_json::to_string(&workspace.conditions()).unwrap();
        assert_eq!(
            json,
            r#"{"rate":0.4,"without":["audio"],"own":{"text":0.7},"burst":5.0,"same_moments":false,"mask_seed":9,"side":"validation","selected":[],"model":null,"compared":null,"views":[],"importance":false}"#
        );
        let mut other = fresh();
        act(&mut other, &format!(r#"{{"conditions":{json}}}"#));
        assert_eq!(other.conditions(), workspace.conditions());
        assert_eq!(other.missing, workspace.missing);
        act(&mut other, r#"{"conditions":{}}"#);
        assert_eq!(other.conditions(), Conditions::default());
    }

    /// Whatever comes later is a step of a person's, however soon it comes.
    #[test]
    fn what_an_address_asked_for_is_told_from_a_step() {
        let mut workspace = fresh();
        assert!(workspace.settle(&[]));
        assert!(workspace.settled.is_none(), "there is nothing to see yet");
        workspace.corpus = Some(CorpusCard {
            source: Source::Demo {
                seed: 0,
                scale: 1.0,
            },
            metadata: Metadata::default(),
            utterances: Vec::new(),
            modalities: Vec::new(),
            columns: Vec::new(),
            notes: None,
            splits: Vec::new(),
        });
        assert!(workspace.settle(&[]));
        let first = workspace.settled.clone().unwrap();
        assert_eq!(first.conditions, Conditions::default());
        act(
            &mut workspace,
            r#"{"conditions":{"side":"validation","views":["slices"],"model":"b"}}"#,
        );
        assert!(workspace.settled.is_none());
        assert!(!workspace.settle(&[]), "the view is still to be shown");
        workspace.take_commands();
        workspace.front = vec!["slices".to_owned()];
        assert!(!workspace.settle(&[]), "the frame before had other views");
        assert!(workspace.settle(&["slices".to_owned()]));
        let settled = workspace.settled.clone().unwrap();
        assert_eq!(settled.conditions, workspace.conditions());
        assert_ne!(settled.number, first.number);
        // The model that is not open yet stays in the address.
        assert_eq!(settled.conditions.model.as_deref(), Some("b"));
        act(&mut workspace, r#"{"side":"training"}"#);
        assert!(workspace.settle(&["slices".to_owned()]));
        assert_eq!(workspace.settled, Some(settled));
        // A press that has a view follow is one step with it.
        let said = |workspace: &Workspace| crate::summary::summary(workspace)["settled"].clone();
        assert!(said(&workspace).is_object());
        workspace.command(Command::Show(Pane::Comparison));
        assert!(said(&workspace).is_null());
        workspace.take_commands();
        assert!(said(&workspace).is_object());
    }

    #[test]
    fn what_fits_nothing_has_no_effect() {
        let mut workspace = fresh();
        let before = workspace.conditions();
        act(&mut workspace, r#"{"side":"middle"}"#);
        act(&mut workspace, r#"{"there":["smell",false]}"#);
        act(&mut workspace, r#"{"model":7}"#);
        act(&mut workspace, r#"{"train":true}"#);
        assert_eq!(workspace.conditions(), before);
        assert!(!workspace.has_commands());
        act(&mut workspace, r#"{"rate":7}"#);
        assert_eq!(workspace.missing.rate, 1.0);
    }
}
