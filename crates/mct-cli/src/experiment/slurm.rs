//! Missing runs as an array job of Slurm, whose tasks share the folder of the experiment.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use mct_corpus::atomic;

use crate::experiment::plan::Run;
use crate::experiment::store::Store;
use crate::output::{remark, say};

/// Writes the list of runs and the job script, and submits it: at most `jobs` tasks at a time.
///
/// # Errors
/// When a file cannot be written, or `sbatch` cannot be started or fails.
pub fn submit(store: &Store, out: &Path, runs: &[Run], jobs: u16) -> Result<()> {
    let out = out.canonicalize().context(out.display().to_string())?;
    let mut list = String::new();
    for run in runs {
        store.prepare(run)?;
        list += &format!("{}\n", out.join("runs").join(&run.id).display());
    }
    let (list_path, script_path) = (out.join("slurm-runs.txt"), out.join("slurm.sh"));
    atomic::write(&list_path, list.as_bytes())?;
    let program = std::env::current_exe()?;
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
    let script = format!(
        "#!/bin/sh\n\
         #SBATCH --job-name=mct-hfr\n\
         #SBATCH --array=1-{}%{jobs}\n\
         #SBATCH --requeue\n\
         #SBATCH --signal=TERM@120\n\
         # A task that is stopped resumes from its checkpoint when it is submitted again.\n\
         run=$(sed -n \"${{SLURM_ARRAY_TASK_ID}}p\" {})\n\
         export RAYON_NUM_THREADS=${{SLURM_CPUS_PER_TASK:-1}}\n\
         exec {} experiment work \"$run\" > \"$run/log.txt\" 2>&1\n",
        runs.len(),
        quoted(&list_path),
        quoted(&program),
    );
    atomic::write(&script_path, script.as_bytes())?;
    let output = out.join("slurm-%A_%a.txt");
    let result = Command::new("sbatch")
        .arg("--parsable")
        .arg(format!("--output={}", output.display()))
        .arg(&script_path)
        .output();
    let submitted = match result {
        Ok(submitted) => submitted,
        Err(error) => bail!(
            "cannot start sbatch ({error}); the job script is {}",
            script_path.display()
        ),
    };
    if !submitted.status.success() {
        let said = String::from_utf8_lossy(&submitted.stderr);
        bail!("sbatch refused {}: {}", script_path.display(), said.trim());
    }
    let job = String::from_utf8_lossy(&submitted.stdout).trim().to_owned();
    remark(format!(
        "{} runs submitted as job {job}; when it has ended, `mct-hfr experiment collect` with the same arguments writes the report",
        runs.len()
    ));
    say(job)
}
