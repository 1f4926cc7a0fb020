//! The command line of MCT-HFR: corpora, training, evaluation and the demo, without a window.
//!
//! Exit codes: 0 done, 1 an error, 2 a usage error, 130 interrupted.

mod arguments;
mod assess;
mod complexity;
mod corpus;
mod corrupted;
mod demo;
mod description;
mod device;
mod draws;
mod evaluate;
mod experiment;
mod extract;
mod interrupt;
mod kept;
mod missing;
mod output;
mod predict;
mod progress;
mod report;
mod slurm;
mod tables;
mod train;
mod weights;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Emotion recognition from audio, vision and text that are not aligned and partly missing.
#[derive(Parser)]
#[command(
    name = "mct-hfr",
    version,
    propagate_version = true,
    args_override_self = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What is not documented here is where its arguments are.
#[derive(Subcommand)]
enum Command {
    /// Generate, import and inspect corpora
    #[command(subcommand)]
    Corpus(corpus::Command),
    Train(train::Train),
    Resume(train::Resume),
    Evaluate(evaluate::Evaluate),
    Experiment(experiment::Command),
    Search(experiment::Search),
    /// Predict a recording, clips, or every utterance of a corpus
    Predict(predict::Predict),
    /// Weights of runs, and of the networks that extract features
    #[command(subcommand)]
    Weights(weights::Command),
    /// Parameters and multiply-accumulates of a model
    Complexity(complexity::Complexity),
    /// List the compute devices
    Devices(device::Devices),
    /// Generate a small corpus, train on it and report how close it comes to the exact limit
    Demo(demo::Demo),
}

/// As large as the stack of a main thread: rayon's default is a quarter of it.
const STACK_BYTES: usize = 8 << 20;

fn main() -> ExitCode {
    mct_allocator::keep_memory();
    let pool = rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES);
    if let Err(error) = pool.build_global() {
        return output::failure(&error.into());
    }
    // Inside a thread of the pool, parallel work of the CPU backend starts on that thread; outside it,
    // every operation would wake a thread of the pool and wait for it.
    let result = rayon::scope(|_| Arguments::parse().command.run());
    let result = result.and_then(|()| output::printed());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::failure(&error),
    }
}

impl Command {
    fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Corpus(command) => command.run(),
            Self::Train(command) => command.run(),
            Self::Resume(command) => command.run(),
            Self::Evaluate(command) => command.run(),
            Self::Experiment(command) => command.run(),
            Self::Search(command) => command.run(),
            Self::Predict(command) => command.run(),
            Self::Weights(command) => command.run(),
            Self::Complexity(command) => command.run(),
            Self::Devices(command) => command.run(),
            Self::Demo(command) => command.run(),
        }
    }
}
