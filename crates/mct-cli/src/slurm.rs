//! Array jobs of Slurm.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use mct_corpus::atomic;

use crate::output::quoted;

/// Tasks of an array where Slurm does not say how many it takes.
const USUAL_LIMIT: usize = 1000;

/// Tasks that are independent of each other.
pub struct Array<'a> {
    /// The job's name.
    pub name: &'a str,
    /// The folder of the job scripts and of what tasks print, absolute.
    pub folder: &'a Path,
    /// Tasks at a time, at most.
    pub at_a_time: u16,
    pub tasks: Vec<Task>,
}

/// What one task runs.
pub struct Task {
    /// The words behind the name of this program.
    pub words: Vec<OsString>,
    /// Where its output is added; where Slurm writes that of its tasks if there is none.
    pub log: Option<PathBuf>,
}

impl Array<'_> {
    /// Submits the tasks, in as many array jobs as Slurm's limit needs, and gives the jobs' numbers.
    ///
    /// What a task runs stands in the script, of which Slurm keeps a copy: another submission to the same
    /// folder does not change what those before it run.
    ///
    /// # Errors
    /// When a script cannot be written, or `sbatch` cannot be started or fails.
    pub fn submit(&self) -> Result<Vec<String>> {
        let mut jobs = Vec::new();
        for (index, tasks) in chunks(&self.tasks, limit()).into_iter().enumerate() {
            let name = match index {
                0 => "slurm.sh".to_owned(),
                further => format!("slurm-{}.sh", further + 1),
            };
            let path = self.folder.join(name);
            let script = self.script(tasks)?;
            // To read and to submit by hand; another submission may replace it at any time.
            atomic::write(&path, script.as_bytes())?;
            jobs.push(self.submit_script(&script, &path)?);
        }
        Ok(jobs)
    }

    fn script(&self, tasks: &[Task]) -> Result<String> {
        let program = program()?;
        let of_task = |task: &Task| {
            let log = task.log.as_ref().map(|path| path.clone().into_os_string());
            task.words.iter().cloned().chain(log).collect::<Vec<_>>()
        };
        let named = [self.folder.into(), program.clone().into_os_string()];
        let mut names = named.into_iter().chain(tasks.iter().flat_map(of_task));
        if let Some(name) = names.find(|name| name.to_str().is_none()) {
            bail!(
                "{}: a job script cannot hold a name that is no UTF-8",
                name.display()
            );
        }
        let program = quoted(program.as_os_str());
        let mut cases = String::new();
        for (index, task) in tasks.iter().enumerate() {
            let words: Vec<String> = task.words.iter().map(|word| quoted(word)).collect();
            let log = task.log.as_ref();
            let log = log.map_or_else(String::new, |path| {
                format!(" >> {} 2>&1", quoted(path.as_os_str()))
            });
            // Writing to a String cannot fail.
            let _ = writeln!(
                cases,
                "{}) exec {program} {}{log} ;;",
                index + 1,
                words.join(" ")
            );
        }
        Ok(format!(
            "#!/bin/sh\n\
             #SBATCH --job-name={}\n\
             #SBATCH --array=1-{}%{}\n\
             #SBATCH --requeue\n\
             #SBATCH --signal=B:TERM@120\n\
             # A task that is stopped goes on where it was when it is submitted again.\n\
             export RAYON_NUM_THREADS=${{SLURM_CPUS_PER_TASK:-1}}\n\
             case \"$SLURM_ARRAY_TASK_ID\" in\n{cases}esac\n",
            self.name,
            tasks.len(),
            self.at_a_time,
        ))
    }

    fn submit_script(&self, script: &str, path: &Path) -> Result<String> {
        // In this option Slurm takes % for something to fill in.
        let folder = self.folder.display().to_string().replace('%', "%%");
        let result = Command::new("sbatch")
            .arg("--parsable")
            .arg(format!("--output={folder}/slurm-%A_%a.txt"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let submitted = result.and_then(|mut sbatch| {
            if let Some(mut input) = sbatch.stdin.take() {
                // One that has ended says itself why.
                let _ = input.write_all(script.as_bytes());
            }
            sbatch.wait_with_output()
        });
        let submitted = match submitted {
            Ok(submitted) => submitted,
            Err(error) => bail!(
                "cannot start sbatch ({error}); the job script is {}",
                path.display()
            ),
        };
        if !submitted.status.success() {
            let said = String::from_utf8_lossy(&submitted.stderr);
            bail!("sbatch refused {}: {}", path.display(), said.trim());
        }
        Ok(String::from_utf8_lossy(&submitted.stdout).trim().to_owned())
    }
}

/// Most tasks of an array job: the numbers of tasks, which begin at 1 here, are below `MaxArraySize`.
fn limit() -> usize {
    let said = Command::new("scontrol").args(["show", "config"]).output();
    let said = said.map(|output| output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&said).into_owned();
    let line = said.lines().find(|line| line.starts_with("MaxArraySize"));
    let number = line.and_then(|line| line.split_once('=')?.1.trim().parse::<usize>().ok());
    number.map_or(USUAL_LIMIT, |size| size.saturating_sub(1).max(1))
}

/// Slurm takes no script of more than 4 MiB, where nobody has set another limit.
const MOST_OF_A_SCRIPT: usize = 1 << 20;

/// Parts of at most `limit` tasks, each with a script of a size that Slurm takes.
fn chunks(tasks: &[Task], limit: usize) -> Vec<&[Task]> {
    // The program's name, and what is around the words.
    const AROUND: usize = 600;
    let size = |task: &Task| {
        let log = task.log.as_ref().map_or(0, |log| log.as_os_str().len());
        let words = task.words.iter().map(|word| word.len() + 4);
        words.sum::<usize>() + log + AROUND
    };
    let (mut chunks, mut first, mut bytes) = (Vec::new(), 0, 0);
    for (index, task) in tasks.iter().enumerate() {
        let is_full = index - first >= limit || bytes + size(task) > MOST_OF_A_SCRIPT;
        if is_full && index > first {
            chunks.push(&tasks[first..index]);
            (first, bytes) = (index, 0);
        }
        bytes += size(task);
    }
    if first < tasks.len() {
        chunks.push(&tasks[first..]);
    }
    chunks
}

/// Where this program is, or another build of it that has taken its place meanwhile.
fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    // As Linux calls a file that is not there any more.
    let replaced = program
        .to_str()
        .and_then(|name| name.strip_suffix(" (deleted)"));
    Ok(replaced.map_or_else(|| program.clone(), PathBuf::from))
}

/// An absolute path of a folder that is there.
///
/// # Errors
/// When it is not there.
pub fn absolute(folder: &Path) -> Result<PathBuf> {
    folder
        .canonicalize()
        .with_context(|| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_runs_what_it_was_given() {
        let folder = tempfile::tempdir().unwrap();
        let task = |words: &[&str], log: Option<&str>| Task {
            words: words.iter().map(OsString::from).collect(),
            log: log.map(|name| folder.path().join(name)),
        };
        let array = Array {
            name: "test",
            folder: folder.path(),
            at_a_time: 3,
            tasks: vec![
                task(&["a b", "it's", "two\nlines"], None),
                task(&["%"], Some("o'ut")),
            ],
        };
        let script = array.script(&array.tasks).unwrap();
        assert!(
            script.contains("--array=1-2%3\n") && script.contains("B:TERM@120"),
            "{script}"
        );
        // The shell itself says what it would run.
        let program = quoted(std::env::current_exe().unwrap().as_os_str());
        let script = script.replace(&format!("exec {program}"), "printf '<%s>'");
        let run = |task: &str| {
            let output = Command::new("sh")
                .args(["-c", &script])
                .env("SLURM_ARRAY_TASK_ID", task)
                .output()
                .unwrap();
            assert!(output.status.success());
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(run("1"), "<a b><it's><two\nlines>");
        assert_eq!(run("2"), "");
        assert_eq!(run("3"), "");
        // What another submission's task has written stays.
        assert_eq!(run("2"), "");
        let log = std::fs::read(folder.path().join("o'ut")).unwrap();
        assert_eq!(log, b"<%><%>");
    }

    #[test]
    fn tasks_are_submitted_in_parts_that_slurm_takes() {
        let task = |length: usize| Task {
            words: vec!["x".repeat(length).into()],
            log: None,
        };
        let sizes = |tasks: &[Task], limit: usize| -> Vec<usize> {
            chunks(tasks, limit)
                .iter()
                .map(|chunk| chunk.len())
                .collect()
        };
        let small: Vec<Task> = (0..2500).map(|_| task(10)).collect();
        assert_eq!(sizes(&small, 1000), [1000, 1000, 500]);
        assert_eq!(sizes(&small, 100_000), [1707, 793]);
        let large: Vec<Task> = (0..3).map(|_| task(MOST_OF_A_SCRIPT)).collect();
        assert_eq!(sizes(&large, 1000), [1, 1, 1]);
        assert!(chunks(&[], 10).is_empty());
    }

    #[test]
    #[cfg(unix)]
    fn names_that_a_script_cannot_hold_are_refused() {
        use std::os::unix::ffi::OsStringExt as _;
        let odd = OsString::from_vec(vec![b'a', 0xff]);
        let task = |words: Vec<OsString>, log| vec![Task { words, log }];
        for tasks in [
            task(vec![odd.clone()], None),
            task(Vec::new(), Some(odd.into())),
        ] {
            let array = Array {
                name: "test",
                folder: Path::new("/"),
                at_a_time: 1,
                tasks,
            };
            let error = array.script(&array.tasks).unwrap_err().to_string();
            assert!(error.contains("UTF-8"), "{error}");
        }
    }
}
