//! Small models and runs of them.

use burn::tensor::Device;
use mct_corpus::Corpus;
use mct_hfr::config::{Config, Interface, System};
use mct_hfr::data::feature_statistics;
use mct_hfr::error::Result;
use mct_hfr::model::Model;
use mct_hfr::training::{Checkpoint, Event, Face};

/// A small model that trains for one epoch.
pub fn small_config(system: System) -> Config {
    let mut config = Config::preset("demo").unwrap().with_system(system);
    config.model.d = 16;
    config.model.layers = 1;
    config.training.epochs = 1;
    config.training.batch_size = 16;
    config
}

/// An untrained model for a corpus.
pub fn model(corpus: &Corpus, config: &Config, device: &Device) -> Model {
    let all: Vec<usize> = (0..corpus.len()).collect();
    let model = config.model.clone().with_steps_of(corpus, &all);
    let interface = Interface::of(corpus, config.model.task);
    Model::new(
        &model,
        &interface,
        &feature_statistics(corpus, &all),
        5,
        device,
    )
}

/// Keeps the last checkpoint and stops after so many steps.
pub struct Recorder {
    stop_after: usize,
    steps: usize,
    pub last: Option<Checkpoint>,
    pub best: Option<Checkpoint>,
    pub test_selected: Option<Checkpoint>,
    pub events: Vec<Event>,
}

impl Recorder {
    pub fn new(stop_after: usize) -> Self {
        Self {
            stop_after,
            steps: 0,
            last: None,
            best: None,
            test_selected: None,
            events: Vec::new(),
        }
    }
}

impl Face for Recorder {
    fn event(&mut self, event: Event) -> Result<()> {
        self.events.push(event);
        Ok(())
    }
    fn save(&mut self, checkpoint: &Checkpoint, best: bool) -> Result<()> {
        let place = if best { &mut self.best } else { &mut self.last };
        *place = Some(checkpoint.clone());
        Ok(())
    }
    fn save_test_selected(&mut self, weights: &Checkpoint) -> Result<()> {
        self.test_selected = Some(weights.clone());
        Ok(())
    }
    async fn stop_requested(&mut self) -> bool {
        self.steps >= self.stop_after
    }
    fn save_due(&self) -> bool {
        false
    }
    async fn pause(&mut self) {
        self.steps += 1;
    }
}
