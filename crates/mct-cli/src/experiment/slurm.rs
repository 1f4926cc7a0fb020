//! Missing runs as an array job of Slurm, whose tasks share the folder of the experiment.

use std::path::Path;

use anyhow::Result;

use crate::experiment::plan::Run;
use crate::experiment::store::Store;
use crate::output::{remark, say};
use crate::slurm::{Array, Task, absolute};

/// Writes the job script and submits it: at most `jobs` tasks at a time.
///
/// # Errors
/// When a file cannot be written, or `sbatch` cannot be started or fails.
pub fn submit(store: &Store, out: &Path, runs: &[Run], jobs: u16) -> Result<()> {
    let out = absolute(out)?;
    let mut tasks = Vec::new();
    for run in runs {
        store.prepare(run)?;
        let folder = out.join("runs").join(&run.id);
        tasks.push(Task {
            words: vec!["experiment".into(), "work".into(), folder.clone().into()],
            log: Some(folder.join("log.txt")),
        });
    }
    let array = Array {
        name: "mct-hfr",
        folder: &out,
        at_a_time: jobs,
        tasks,
    };
    let jobs = array.submit()?.join(", ");
    remark(format!(
        "{} runs submitted as job {jobs}; when it has ended, the same command goes on (of an experiment `experiment collect` writes the report, and trains nothing)",
        runs.len()
    ));
    say(jobs);
    Ok(())
}
