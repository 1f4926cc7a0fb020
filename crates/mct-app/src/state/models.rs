//! The open models with their predictions.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use mct_corpus::Utterance;
use mct_engine::evaluation::{CorpusCard, Held, ModelCard, ModelId, Predictions};
use mct_engine::source::Source;
use mct_hfr::config::Interface;
use mct_scores::intensity::intensity_scores;
use mct_scores::{Confusion, Metric, PAPER_RATES, Scores, auilc, most_probable};

use crate::state::categories::Categories;

/// The missing rates of the curves.
pub const RATES: [f64; 10] = PAPER_RATES;

/// The open models.
#[derive(Default)]
pub struct Models {
    open: Vec<OpenModel>,
    /// The model that the views show.
    pub shown: Option<ModelId>,
    /// The model that it is compared with.
    pub compared: Option<ModelId>,
    /// Of several targets the one that the views show.
    target: usize,
    last_id: u32,
    /// Names of the models that are to be shown and compared once they are open.
    wanted: [Option<String>; 2],
    /// Where the model comes from that is to be shown once it is open.
    next: Option<Source>,
}

/// An open model with its results.
pub struct OpenModel {
    pub card: ModelCard,
    /// Its predictions under the current conditions.
    pub evaluated: Option<Evaluated>,
    /// Its predictions where nothing is missing, once they were asked for.
    pub complete: Option<Evaluated>,
    pub curve: Curve,
    /// Where it can be opened again.
    pub source: Source,
    /// The number of its colour, which it keeps when others are closed.
    pub colour: usize,
}

/// The predictions of a model for the utterances of a side.
pub struct Evaluated {
    /// The side and the conditions, which may be older than those that are chosen.
    pub held: Held,
    /// Indices into the corpus.
    pub utterances: Vec<usize>,
    /// Row by utterance.
    rows: HashMap<usize, usize>,
    /// Class probabilities or intensities, `[utterances, outputs]` row by row.
    outputs: Vec<f32>,
    width: usize,
    /// What the matrix and the predictions count.
    pub categories: Categories,
    /// The most probable class, or the bin of the predicted intensity, per utterance.
    pub predicted: Vec<usize>,
    pub confusion: Confusion,
    pub scores: Scores,
    /// Time of the computation, in milliseconds.
    pub millis: f32,
    /// Another one whenever anything of it is.
    pub version: u64,
}

/// The version of the next predictions.
static VERSIONS: AtomicU64 = AtomicU64::new(1);

impl Evaluated {
    /// Of several targets, the one of the categories is counted and scored. `None` when the predictions do
    /// not match the utterances or the outputs of the model.
    pub fn of(
        predictions: Predictions,
        utterances: &[Utterance],
        interface: &Interface,
        categories: Categories,
    ) -> Option<Self> {
        let Predictions {
            held,
            utterances: indices,
            outputs,
            millis,
            ..
        } = predictions;
        let width = interface.outputs();
        let fits = outputs.len() == indices.len() * width;
        if !fits || indices.iter().any(|index| *index >= utterances.len()) {
            return None;
        }
        let rows = indices.iter().enumerate();
        let mut evaluated = Self {
            held,
            rows: rows.map(|(row, index)| (*index, row)).collect(),
            categories,
            utterances: indices,
            outputs,
            width,
            predicted: Vec::new(),
            confusion: Confusion::new(0),
            scores: Scores::default(),
            millis,
            version: 0,
        };
        evaluated.count(utterances);
        Some(evaluated)
    }

    /// Counts and scores another target.
    pub fn show(&mut self, utterances: &[Utterance], categories: Categories) {
        self.categories = categories;
        self.count(utterances);
    }

    fn count(&mut self, utterances: &[Utterance]) {
        self.version = VERSIONS.fetch_add(1, Ordering::Relaxed);
        let rows = self.outputs.chunks_exact(self.width);
        let categories = &self.categories;
        self.predicted = rows
            .map(|row| match categories.target() {
                None => most_probable(row),
                Some((target, _)) => categories.bin(row[target]),
            })
            .collect();
        self.confusion = Confusion::new(categories.names.len());
        for (index, class) in self.utterances.iter().zip(&self.predicted) {
            if let Some(label) = categories.label(&utterances[*index]) {
                self.confusion.add(label, *class);
            }
        }
        self.scores = match categories.target() {
            // Without a label there is nothing to score.
            None if self.confusion.total() == 0 => Scores::default(),
            None => self.confusion.scores(),
            Some((_, target)) => {
                let points = self.points(utterances);
                let pairs: Vec<_> = points.iter().map(|(_, t, p)| (*p, *t)).collect();
                match pairs.is_empty() {
                    true => Scores::default(),
                    false => intensity_scores(target, &pairs),
                }
            }
        };
    }

    /// The scores on some of the utterances, in any order; those of another side are left out.
    pub fn scores_on(&self, indices: &[usize], utterances: &[Utterance]) -> Scores {
        let row = |index: &usize| self.rows.get(index).copied();
        let rows: Vec<usize> = indices.iter().filter_map(row).collect();
        let mut chosen = Self {
            held: self.held.clone(),
            utterances: rows.iter().map(|row| self.utterances[*row]).collect(),
            outputs: rows
                .iter()
                .flat_map(|row| &self.outputs[row * self.width..][..self.width])
                .copied()
                .collect(),
            rows: HashMap::new(),
            categories: self.categories.clone(),
            predicted: Vec::new(),
            confusion: Confusion::new(0),
            scores: Scores::default(),
            width: self.width,
            millis: self.millis,
            version: 0,
        };
        chosen.count(utterances);
        chosen.scores
    }

    /// The utterances that are rated: index, true and predicted intensity. Empty for classes.
    pub fn points(&self, utterances: &[Utterance]) -> Vec<(usize, f32, f32)> {
        let Some((target, _)) = self.categories.target() else {
            return Vec::new();
        };
        let rows = self
            .utterances
            .iter()
            .zip(self.outputs.chunks_exact(self.width));
        rows.filter_map(|(index, row)| {
            let truth = self.categories.rating(&utterances[*index], target)?;
            Some((*index, truth, row[target]))
        })
        .collect()
    }

    /// The predicted class, or bin, of an utterance; `None` where it is not on this side.
    pub fn class_of(&self, utterance: usize) -> Option<usize> {
        self.rows.get(&utterance).map(|row| self.predicted[*row])
    }

    /// The outputs for an utterance; `None` where it is not on this side.
    pub fn outputs_of(&self, utterance: usize) -> Option<&[f32]> {
        let row = self.rows.get(&utterance)?;
        self.outputs.get(row * self.width..(row + 1) * self.width)
    }

    /// The predicted intensity of an utterance; `None` for classes, and where it is not on this side.
    pub fn intensity_of(&self, utterance: usize) -> Option<f32> {
        let (target, _) = self.categories.target()?;
        self.outputs_of(utterance).map(|row| row[target])
    }
}

/// Scores at [`RATES`]; `None` where they have not been computed yet.
#[derive(Debug, Clone, Default)]
pub struct Curve {
    /// One for each target; for classes one.
    pub points: [Option<Vec<Scores>>; RATES.len()],
    /// The target that is shown; classes have but the first.
    target: usize,
}

impl Curve {
    /// Without any point; the same target stays shown.
    pub fn clear(&mut self) {
        self.points = Default::default();
    }

    /// Scores of the shown target at the rates computed so far.
    pub fn scores(&self) -> impl Iterator<Item = (f64, &Scores)> {
        let points = RATES.iter().zip(&self.points);
        points.filter_map(|(rate, scores)| {
            let scores = scores.as_ref()?;
            Some((*rate, scores.get(self.target).or(scores.last())?))
        })
    }

    /// Missing rate and score of the points computed so far; empty for a score that the model does not have.
    pub fn points(&self, metric: Metric) -> Vec<(f64, f64)> {
        let scores = self.scores();
        scores
            .filter_map(|(rate, scores)| Some((rate, *scores.0.get(&metric)?)))
            .collect()
    }

    /// Area under the curve (eq. 19), once all points are computed.
    pub fn auilc(&self, metric: Metric) -> Option<f64> {
        let points = self.points(metric);
        let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
        (points.len() == RATES.len()).then(|| auilc(&RATES, &values))
    }
}

impl Models {
    /// The id of a model to be opened.
    pub fn new_id(&mut self) -> ModelId {
        self.last_id += 1;
        ModelId(self.last_id)
    }

    /// Updates an open model, or adds a new one. A new one without a source is ignored. Whether it was wanted.
    pub fn set(&mut self, mut card: ModelCard, source: Option<Source>) -> bool {
        let id = card.id;
        let known = self.open.iter().find(|open| open.card.id == id);
        let of = source.as_ref().or(known.map(|open| &open.source));
        card.name = self.name_apart(&card, of);
        match self.open.iter_mut().find(|open| open.card.id == id) {
            Some(open) => {
                open.card = card;
                if let Some(source) = source {
                    open.source = source;
                }
            }
            None => {
                let Some(source) = source else { return false };
                let taken = |colour: &usize| self.open.iter().any(|open| open.colour == *colour);
                let colour = (0..).find(|colour| !taken(colour)).unwrap_or(0);
                self.open.push(OpenModel {
                    colour,
                    card,
                    evaluated: None,
                    complete: None,
                    curve: Curve {
                        target: self.target,
                        ..Curve::default()
                    },
                    source,
                });
            }
        }
        let is_next = self
            .get(id)
            .is_some_and(|open| Some(&open.source) == self.next.as_ref());
        if is_next {
            self.next = None;
            self.show(id);
        } else if self.shown.is_none() {
            self.shown = Some(id);
        }
        self.take_wanted()
    }

    /// The run that models were opened from has finished.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn finished(&mut self, run: &Source) {
        for open in self.open.iter_mut().filter(|open| open.source == *run) {
            open.card.unfinished = false;
        }
    }

    /// Shows the model of this source once it is open.
    pub fn show_next(&mut self, source: Source) {
        self.next = Some(source);
    }

    /// Shows a model, from now on and whatever was wanted.
    pub fn show(&mut self, id: ModelId) {
        self.wanted = [None, None];
        self.shown = Some(id);
        if self.compared == Some(id) {
            self.compared = None;
        }
    }

    /// Compares the shown model with this one, or with none, whatever was wanted.
    pub fn compare(&mut self, other: Option<ModelId>) {
        self.wanted[1] = None;
        self.compared = other;
    }

    /// Shows and compares the models of these names, now or once they are open; without a name the first one is
    /// shown, and none compared.
    pub fn want(&mut self, shown: Option<String>, compared: Option<String>) {
        self.compared = None;
        self.shown = self.open.first().map(|open| open.card.id);
        self.wanted = [shown, compared];
        self.take_wanted();
    }

    /// Whether there was something to take.
    fn take_wanted(&mut self) -> bool {
        let mut takes = false;
        for (wanted, chosen) in self
            .wanted
            .iter_mut()
            .zip([&mut self.shown, &mut self.compared])
        {
            let named = |open: &&OpenModel| wanted.as_ref() == Some(&open.card.name);
            if let Some(open) = self.open.iter().find(named) {
                *chosen = Some(open.card.id);
                *wanted = None;
                takes = true;
            }
        }
        if self.compared == self.shown {
            self.compared = None;
        }
        takes
    }

    /// The name of the model that is to be shown once it is open, or else of the shown one where it is not the
    /// first.
    pub fn shown_name(&self) -> Option<&str> {
        if let Some(wanted) = &self.wanted[0] {
            return Some(wanted);
        }
        let first = self.open.first().map(|open| open.card.id);
        let shown = self.shown().filter(|open| Some(open.card.id) != first);
        shown.map(|open| open.card.name.as_str())
    }

    /// The name of the model that is to be compared once it is open, or else of the compared one.
    pub fn compared_name(&self) -> Option<&str> {
        let compared = || self.compared().map(|open| open.card.name.as_str());
        self.wanted[1].as_deref().or_else(compared)
    }

    /// The name of a model, with more of its path where another one has the same.
    fn name_apart(&self, card: &ModelCard, source: Option<&Source>) -> String {
        let others = self.open.iter().filter(|open| open.card.id != card.id);
        let is_free = |name: &String| others.clone().all(|open| open.card.name != *name);
        let parts: Vec<String> = source.map_or_else(Vec::new, Source::parts);
        let longer = (1..parts.len()).rev().map(|from| parts[from..].join("/"));
        let numbered = (2..).map(|number| format!("{} ({number})", card.name));
        let mut names = std::iter::once(card.name.clone())
            .chain(longer)
            .chain(numbered);
        names.find(is_free).unwrap_or_default()
    }

    pub const fn target(&self) -> usize {
        self.target
    }

    /// Shows another target of the utterances.
    pub fn set_target(&mut self, target: usize, card: &CorpusCard) {
        self.target = target;
        for open in &mut self.open {
            open.curve.target = target;
            for evaluated in open.evaluated.iter_mut().chain(&mut open.complete) {
                let interface = &open.card.interface;
                let categories = Categories::of_model(&card.metadata, interface, target);
                evaluated.show(&card.utterances, categories);
            }
        }
    }

    /// Removes all predictions: another corpus is open.
    pub fn forget(&mut self) {
        self.target = 0;
        for open in &mut self.open {
            open.evaluated = None;
            open.complete = None;
            open.curve = Curve::default();
        }
    }

    /// Removes a model; where it was shown, the first remaining one is shown.
    pub fn close(&mut self, id: ModelId) {
        self.open.retain(|open| open.card.id != id);
        if self.compared == Some(id) {
            self.compared = None;
        }
        if self.shown == Some(id) {
            self.shown = self.open.first().map(|open| open.card.id);
            if self.shown == self.compared {
                self.compared = None;
            }
        }
    }

    pub fn get(&self, id: ModelId) -> Option<&OpenModel> {
        self.open.iter().find(|open| open.card.id == id)
    }

    pub fn get_mut(&mut self, id: ModelId) -> Option<&mut OpenModel> {
        self.open.iter_mut().find(|open| open.card.id == id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &OpenModel> {
        self.open.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub fn shown(&self) -> Option<&OpenModel> {
        self.get(self.shown?)
    }

    pub fn compared(&self) -> Option<&OpenModel> {
        self.get(self.compared?)
    }
}

#[cfg(test)]
mod tests {
    use mct_corpus::{Metadata, Target};
    use mct_engine::evaluation::Side;
    use mct_hfr::config::Config;

    use super::*;
    use crate::state::missing::MissingSettings;

    fn utterance(label: usize) -> Utterance {
        Utterance {
            id: format!("u{label}"),
            label: Some(label),
            ..Utterance::default()
        }
    }

    fn interface(classes: &[&str], targets: &[&str]) -> Interface {
        let target = |name: &&str| Target {
            name: (*name).to_owned(),
            range: [-3.0, 3.0],
        };
        Interface {
            modalities: Vec::new(),
            classes: classes.iter().map(|class| (*class).to_owned()).collect(),
            targets: targets.iter().map(target).collect(),
        }
    }

    fn predictions(utterances: &[usize], outputs: &[f32]) -> Predictions {
        Predictions {
            ticket: 1,
            model: ModelId(1),
            held: Held {
                side: Side::Test,
                conditions: MissingSettings::default().conditions(),
            },
            utterances: utterances.to_vec(),
            outputs: outputs.to_vec(),
            millis: 1.0,
        }
    }

    #[test]
    fn predictions_are_counted_against_the_labels() {
        let utterances = [utterance(0), utterance(1), utterance(1)];
        let predictions = predictions(&[2, 0], &[0.2, 0.8, 0.4, 0.6]);
        let interface = interface(&["a", "b"], &[]);
        let metadata = Metadata {
            classes: interface.classes.clone(),
            ..Metadata::default()
        };
        let categories = Categories::of_model(&metadata, &interface, 0);
        let evaluated = Evaluated::of(predictions, &utterances, &interface, categories).unwrap();
        assert_eq!(evaluated.confusion.0, [[0, 1], [0, 1]]);
        assert_eq!(evaluated.class_of(2), Some(1));
        assert_eq!(evaluated.class_of(1), None);
        assert_eq!(evaluated.outputs_of(0), Some(&[0.4, 0.6][..]));
        assert_eq!(evaluated.intensity_of(0), None);
    }

    #[test]
    fn intensities_are_counted_in_bins_of_the_target_that_is_shown() {
        let rated = |values: [f32; 2]| Utterance {
            targets: values.map(Some).to_vec(),
            ..Utterance::default()
        };
        let utterances = [rated([-3.0, 1.0]), rated([2.0, 1.0])];
        let predictions = predictions(&[0, 1], &[-2.0, 1.0, 2.0, 3.0]);
        let interface = interface(&[], &["valence", "arousal"]);
        let metadata = Metadata {
            targets: interface.targets.clone(),
            ..Metadata::default()
        };
        let categories = |target| Categories::of_model(&metadata, &interface, target);
        let mut evaluated =
            Evaluated::of(predictions, &utterances, &interface, categories(0)).unwrap();
        assert_eq!(evaluated.confusion.0[0][1], 1);
        assert_eq!(evaluated.scores.get(Metric::Mae), 0.5);
        assert_eq!(evaluated.points(&utterances)[1], (1, 2.0, 2.0));
        let of_first = evaluated.scores_on(&[0, 9], &utterances);
        assert_eq!(of_first.get(Metric::Mae), 1.0);
        evaluated.show(&utterances, categories(1));
        assert_eq!(evaluated.scores.get(Metric::Mae), 1.0);
        assert_eq!(evaluated.intensity_of(1), Some(3.0));
    }

    /// Opens a model of this name. Whether it was wanted.
    fn open(models: &mut Models, name: &str) -> bool {
        let seed = models.new_id().0;
        let card = ModelCard {
            id: ModelId(models.last_id),
            name: name.to_owned(),
            config: Config::preset("demo").unwrap(),
            interface: interface(&["a"], &[]),
            parameters: 0,
            history: Vec::new(),
            unfinished: false,
            note: None,
            fold: Err(String::new()),
            cut: Vec::new(),
        };
        let seed = u64::from(seed);
        models.set(card, Some(Source::Demo { seed, scale: 1.0 }))
    }

    fn names(models: &Models) -> [Option<&str>; 2] {
        let name = |open: Option<&OpenModel>| Some(models.get(open?.card.id)?.card.name.as_str());
        [name(models.shown()), name(models.compared())]
    }

    #[test]
    fn what_is_wanted_is_shown_once_it_is_open() {
        let mut models = Models::default();
        models.want(Some("b".to_owned()), Some("c".to_owned()));
        assert!(!open(&mut models, "a"));
        assert_eq!(names(&models), [Some("a"), None]);
        assert_eq!(models.shown_name(), Some("b"), "an address keeps it");
        assert_eq!(models.compared_name(), Some("c"));
        assert!(open(&mut models, "b"));
        assert!(open(&mut models, "c"));
        assert_eq!(names(&models), [Some("b"), Some("c")]);
        // What is not open shows the first, and no model is compared with itself.
        models.want(Some("d".to_owned()), None);
        assert_eq!(names(&models), [Some("a"), None]);
        models.want(None, Some("a".to_owned()));
        assert_eq!(names(&models), [Some("a"), None]);
        models.want(Some("b".to_owned()), Some("b".to_owned()));
        assert_eq!(names(&models), [Some("b"), None]);
    }

    #[test]
    fn what_a_person_chooses_is_not_taken_away_by_what_was_wanted() {
        let mut models = Models::default();
        open(&mut models, "a");
        let first = models.shown.unwrap();
        models.want(Some("late".to_owned()), Some("later".to_owned()));
        models.show(first);
        assert_eq!(models.shown_name(), None);
        assert!(!open(&mut models, "late"));
        assert!(!open(&mut models, "later"));
        assert_eq!(names(&models), [Some("a"), None]);
        models.want(None, Some("never".to_owned()));
        models.compare(Some(ModelId(first.0 + 1)));
        assert_eq!(models.compared_name(), Some("late"));
        // A run that was chosen to be opened is what is wanted last.
        models.want(Some("gone".to_owned()), None);
        let seed = u64::from(models.last_id + 1);
        models.show_next(Source::Demo { seed, scale: 1.0 });
        assert!(!open(&mut models, "run"));
        assert_eq!(models.shown_name(), Some("run"));
        assert!(!open(&mut models, "gone"));
        assert_eq!(names(&models), [Some("run"), None]);
    }

    #[test]
    fn a_curve_shows_the_chosen_target_also_after_it_is_computed_anew() {
        let mut curve = Curve {
            target: 1,
            ..Curve::default()
        };
        let of = |value| -> Scores { [(Metric::Mae, value)].into_iter().collect() };
        curve.clear();
        curve.points[0] = Some(vec![of(1.0), of(2.0)]);
        assert_eq!(curve.points(Metric::Mae), [(0.0, 2.0)]);
        curve.points[0] = Some(vec![of(3.0)]);
        assert_eq!(curve.points(Metric::Mae), [(0.0, 3.0)]);
    }

    #[test]
    fn the_area_requires_all_points() {
        let mut curve = Curve::default();
        let scores: Scores = [(Metric::Ua, 1.0)].into_iter().collect();
        curve.points[..9].fill(Some(vec![scores.clone()]));
        assert_eq!(curve.auilc(Metric::Ua), None);
        curve.points[9] = Some(vec![scores]);
        assert!((curve.auilc(Metric::Ua).unwrap() - 0.9).abs() < 1e-12);
        assert_eq!(curve.auilc(Metric::Mae), None);
    }
}
