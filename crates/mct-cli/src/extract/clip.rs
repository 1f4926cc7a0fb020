//! Recordings that are to be predicted: a file or those of a folder, with their words.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use mct_extraction::{Clips, Known, Moving, Reader, Sound, Subject};
use mct_hfr::config::Interface;
use mct_recordings::tree::{Pictures, text};
use mct_recordings::{in_folder, is_video};

use super::PretrainedArgs;

/// Extracts what the model was trained on out of the recording at `path`, or out of each one in that
/// folder, whose words may be in a `.txt` of the same name beside it.
///
/// # Errors
/// When there is no recording, the model does not know what made any of its features or they were made
/// with other weights, or nothing at all can be extracted.
pub fn clips(
    path: &Path,
    transcript: Option<&str>,
    interface: &Interface,
    pretrained: &PretrainedArgs,
    device: &str,
) -> Result<Clips> {
    let file = || path.display().to_string();
    let paths = recordings(path)?;
    let known = Known::of(interface).with_context(file)?;
    let extractors = pretrained.load(known.extractors(), device)?;
    let is_folder = path.is_dir();
    let (mut names, mut heard, mut moving) = (Vec::new(), Vec::new(), Vec::new());
    for path in &paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        names.push(name.into_owned());
        let beside = path.with_extension("txt");
        heard.push(match transcript {
            None if is_folder && beside.is_file() => Some(text(&beside)?),
            given => given.map(str::to_owned),
        });
        moving.push(is_video(path).then(|| Pictures {
            path: path.clone(),
            ..Pictures::default()
        }));
    }
    let subject = |index: usize| Subject {
        id: &names[index],
        sound: Some(Sound::File(&paths[index])),
        moving: moving[index].as_ref().map(Moving::File),
        transcript: heard[index].as_deref(),
    };
    let subjects: Vec<Subject> = (0..paths.len()).map(subject).collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let reader = Reader::default();
    mct_extraction::clips(
        &name,
        &subjects,
        interface,
        &known,
        &extractors,
        &reader,
        false,
        |_| (),
    )
    .with_context(file)
}

/// The recording, or those of a folder in the order of their names.
fn recordings(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        if !path.is_file() {
            bail!("{}: no such file", path.display());
        }
        return Ok(vec![path.to_owned()]);
    }
    let paths = in_folder(path).with_context(|| path.display().to_string())?;
    if paths.is_empty() {
        bail!("{}: no recording in this folder", path.display());
    }
    Ok(paths)
}
