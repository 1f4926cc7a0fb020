//! The command line of MCT-HFR: corpora, training, evaluation and the demo, without a window.
//!
//! Exit codes: 0 done, 1 an error, 2 a command that cannot be meant, 130 interrupted.

mod arguments;
mod assess;
mod complexity;
mod corpus;
mod demo;
mod device;
mod evaluate;
mod experiment;
mod hidden;
mod interrupt;
mod output;
mod predict;
mod progress;
mod report;
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

#[derive(Subcommand)]
enum Command {
    /// Make, import and look into corpora
    #[command(subcommand)]
    Corpus(corpus::Command),
    /// Train a model on one fold of a corpus
    Train(train::Train),
    /// Go on with a run that was interrupted
    Resume(train::Resume),
    /// Score runs on their test sets at missing rates
    Evaluate(evaluate::Evaluate),
    /// Reproduce a table or figure of the paper on a corpus
    Experiment(experiment::Command),
    /// Class probabilities of every utterance of a corpus
    Predict(predict::Predict),
    /// Export and import weights
    #[command(subcommand)]
    Weights(weights::Command),
    /// Parameters and multiply-accumulates of a model
    Complexity(complexity::Complexity),
    /// List the compute devices
    Devices(device::Devices),
    /// Generate a small corpus, train on it and report how close it comes to the exact limit
    Demo(demo::Demo),
}

fn main() -> ExitCode {
    mct_allocator::keep_memory();
    // In a thread of the pool: what the CPU backend shares out goes on in the same thread, in place of
    // waking another one and waiting for it, operation by operation.
    let result = rayon::scope(|_| match Arguments::parse().command {
        Command::Corpus(command) => command.run(),
        Command::Train(command) => command.run(),
        Command::Resume(command) => command.run(),
        Command::Evaluate(command) => command.run(),
        Command::Experiment(command) => command.run(),
        Command::Predict(command) => command.run(),
        Command::Weights(command) => command.run(),
        Command::Complexity(command) => command.run(),
        Command::Devices(command) => command.run(),
        Command::Demo(command) => command.run(),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::failure(&error),
    }
}
