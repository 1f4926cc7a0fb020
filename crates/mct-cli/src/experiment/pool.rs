//! Runs as separate processes on this machine, several at a time.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mct_corpus::regular;
use mct_hfr::training::Event;

use crate::experiment::plan::Run;
use crate::experiment::store::Store;
use crate::output::{Interrupted, remark};
use crate::{interrupt, progress};

/// Finishes the runs with `jobs` processes at a time. A run that fails does not stop the others.
///
/// # Errors
/// When it is interrupted, or runs have failed, each of which is printed.
pub fn finish(store: &Store, runs: Vec<Run>, jobs: usize) -> Result<()> {
    let total = runs.len() as u64;
    let bars = MultiProgress::new();
    let all = bars.add(progress::bar(total, "runs"));
    let queue = Mutex::new(VecDeque::from(runs));
    let failures = Mutex::new(Vec::new());
    let next = || {
        let mut queue = queue
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        queue.pop_front()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = (cores / jobs.max(1)).max(1);
    all.enable_steady_tick(Duration::from_secs(1));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                let bar = bars.add(ProgressBar::new(0));
                if let Ok(style) = ProgressStyle::with_template("  {prefix} {bar:20} {msg}") {
                    bar.set_style(style);
                }
                while !interrupt::requested() {
                    let Some(run) = next() else { break };
                    bar.set_prefix(describe(&run));
                    if let Err(error) = finish_one(store, &run, threads, &bar) {
                        if !interrupt::requested() {
                            let mut failures = failures
                                .lock()
                                .unwrap_or_else(std::sync::PoisonError::into_inner);
                            failures.push(format!("{}: {error:#}", describe(&run)));
                        }
                    } else {
                        all.inc(1);
                    }
                }
                bar.finish_and_clear();
            });
        }
    });
    all.finish_and_clear();
    if interrupt::requested() {
        let text = "interrupted; the same command resumes where it stopped";
        return Err(Interrupted(text.into()).into());
    }
    let failures = failures
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if !failures.is_empty() {
        for failure in &failures {
            remark(format!("error: {failure}"));
        }
        bail!("{} of {total} runs have failed", failures.len());
    }
    Ok(())
}

/// A short description of a run.
pub fn describe(run: &Run) -> String {
    let training = &run.manifest.training;
    let strategy = match training.strategy {
        mct_hfr::config::Strategy::Complete => "complete".to_owned(),
        mct_hfr::config::Strategy::Dynamic => "dynamic".to_owned(),
        mct_hfr::config::Strategy::OneToOne => format!("at {}", training.missing_rate),
    };
    let system = run.manifest.model.system.title();
    format!(
        "{system} {strategy} fold {} seed {} ({})",
        training.fold, training.seed, run.id
    )
}

/// This program as it runs, even where another build of it has taken its place meanwhile.
fn this_program() -> std::io::Result<PathBuf> {
    match cfg!(target_os = "linux") {
        true => Ok(PathBuf::from("/proc/self/exe")),
        false => std::env::current_exe(),
    }
}

fn finish_one(store: &Store, run: &Run, threads: usize, bar: &ProgressBar) -> Result<()> {
    store.prepare(run)?;
    let folder = store.folder(&run.id);
    let log = folder.join("log.txt");
    // What is there stays: that of a process that was interrupted, or of one that has the run now.
    let (errors, before) = regular::append(&log)
        .and_then(|file| file.metadata().map(|before| (file, before.len())))
        .with_context(|| log.display().to_string())?;
    let mut child = Command::new(this_program()?)
        .args(["experiment", "work", "--until-closed"])
        .arg(&folder)
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .context("cannot start a process")?;
    let events = child.stdout.take().context("the process has no output")?;
    let done = AtomicBool::new(false);
    let status = std::thread::scope(|scope| {
        // Closing its standard input requests a stop, even if Ctrl-C has not reached the process.
        let input = child.stdin.take();
        scope.spawn(|| {
            let _input = input;
            while !done.load(Ordering::SeqCst) && !interrupt::requested() {
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        for line in BufReader::new(events)
            .lines()
            .map_while(std::result::Result::ok)
        {
            if let Ok(event) = serde_json::from_str(&line) {
                show(bar, run.manifest.training.epochs, &event);
            }
        }
        let status = wait(&mut child);
        done.store(true, Ordering::SeqCst);
        status
    })?;
    if !status.success() || !store.is_finished(&run.id) {
        let text = std::fs::read(&log).unwrap_or_default();
        let text = String::from_utf8_lossy(text.get(before as usize..).unwrap_or_default());
        // Another process may write there too.
        let error = text.lines().rfind(|line| line.starts_with("error:"));
        let last = text.lines().rfind(|line| !line.trim().is_empty());
        let said = error.or(last).unwrap_or("no error message").to_owned();
        bail!("{said} (see {})", log.display());
    }
    Ok(())
}

fn wait(child: &mut Child) -> Result<std::process::ExitStatus> {
    child.wait().context("the process is lost")
}

fn show(bar: &ProgressBar, epochs: usize, event: &Event) {
    match event {
        Event::Step {
            epoch, step, steps, ..
        } => {
            bar.set_length((epochs * steps) as u64);
            bar.set_position((epoch * steps + step) as u64);
        }
        Event::Epoch(record) => {
            let first = record.validation.iter().next();
            let score = first.map_or_else(String::new, |(metric, value)| {
                format!(", validation {} {value:.3}", metric.title())
            });
            bar.set_message(format!("epoch {} of {epochs}{score}", record.epoch + 1));
        }
        _ => {}
    }
}
