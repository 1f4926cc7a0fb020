//! Figure 9: t-SNE of what the classifier reads, from the complete and the incomplete view of the same
//! utterances.

use anyhow::{Result, bail};
use mct_corpus::Corpus;
use mct_corpus::fold::fold;
use mct_corpus::missing::Missing;
use mct_embedding::{Settings, Tsne};
use mct_figures as draw;
use mct_hfr::evaluation::representations;
use mct_runs::{RunFolder, Which};

use crate::experiment::catalogue::Experiment;
use crate::experiment::plan::Setting;
use crate::experiment::store::Store;
use crate::missing::MASK_SEED;
use crate::{device, interrupt, progress};

/// Missing rates of the figure.
const RATES: [f64; 3] = [0.3, 0.6, 0.9];

/// Steps of t-SNE's gradient descent.
const STEPS: usize = 1000;

pub const NOTE: &str = "t-SNE (exact, perplexity 30, 1000 iterations) of the pooled vectors of each \
    modality and of their concatenation, on the test set of the first fold, with the first seed. \
    Distances between clusters mean little.";

/// Coordinates of the vectors in the plane.
fn coordinates(vectors: &[Vec<f32>]) -> Result<Vec<(f64, f64)>> {
    let mut tsne = Tsne::new(vectors, Settings::for_points(vectors.len()))?;
    for _ in 0..STEPS {
        if interrupt::requested() {
            return Err(crate::output::Interrupted("interrupted".into()).into());
        }
        tsne.step();
    }
    let coordinates = tsne.coordinates().into_iter();
    Ok(coordinates.map(|[x, y]| (x.into(), y.into())).collect())
}

/// Name and SVG of the figures: one per row, missing rate and representation.
///
/// # Errors
/// A row of one-to-one training, a run that is not finished, or an interruption.
pub fn figures(
    experiment: &Experiment,
    setting: &Setting,
    store: &Store,
    corpus: &Corpus,
) -> Result<Vec<(String, String)>> {
    let mut figures = Vec::new();
    let (Some(first_fold), Some(seed)) = (setting.folds.first(), setting.seeds.first()) else {
        return Ok(figures);
    };
    let device = device::choose(&setting.device)?.device;
    for (index, row) in experiment.rows.iter().enumerate() {
        let runs = setting.runs(row, *first_fold, *seed)?;
        let [run] = runs.as_slice() else {
            bail!(
                "{}: one-to-one training has no single model to draw",
                row.name
            );
        };
        let checkpoint = RunFolder::open(&store.folder(&run.id))?.checkpoint(Which::Best)?;
        let model = checkpoint.model(&device)?;
        let protocol = setting.base.training.protocol.into();
        let test = fold(corpus, setting.base.model.task, protocol, *first_fold)?.test;
        let test = evenly(test);
        let read = |rate: f64| {
            let missing = Missing::uniform(rate, corpus.modalities.len());
            let masks = Some((&missing, MASK_SEED));
            let pooled = representations(&model, corpus, &test, masks, 64, &device);
            pollster::block_on(pooled).map(with_joint)
        };
        let complete = read(0.0)?;
        let bar = progress::bar((RATES.len() * complete.len()) as u64, "t-SNE");
        for rate in RATES {
            let incomplete = read(rate)?;
            for (part, (complete, incomplete)) in complete.iter().zip(incomplete).enumerate() {
                let points = coordinates(&[complete.clone(), incomplete].concat())?;
                let (complete, incomplete) = points.split_at(test.len());
                let name = match corpus.modalities.get(part) {
                    Some(modality) if row.system.is_mct() => modality.name.clone(),
                    None if row.system.is_mct() => "all".to_owned(),
                    _ => format!("part {}", part + 1),
                };
                let title = format!("{}, {name}, missing rate {rate}", row.name);
                let kinds = [
                    draw::Kind::new("complete", complete.to_vec()),
                    draw::Kind::new("incomplete", incomplete.to_vec()),
                ];
                let svg = draw::scatter(&title, &kinds)?;
                let name = file_name(&name);
                figures.push((format!("embedding-{}-{name}-{rate}", index + 1), svg));
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
    }
    Ok(figures)
}

/// t-SNE is exact, and its work grows with the square of the points: of more utterances an even sample.
const MOST: usize = 1500;

fn evenly(test: Vec<usize>) -> Vec<usize> {
    let count = test.len();
    match count > MOST {
        true => (0..MOST).map(|place| test[place * count / MOST]).collect(),
        false => test,
    }
}

/// A modality's name as a part of a file's.
fn file_name(name: &str) -> String {
    let safe = |c: char| {
        if c.is_alphanumeric() || "-_ .".contains(c) {
            c
        } else {
            '_'
        }
    };
    name.chars().map(safe).collect()
}

/// Appends the concatenation of the pooled vectors, `pooled[part][utterance][feature]`.
fn with_joint(mut pooled: Vec<Vec<Vec<f32>>>) -> Vec<Vec<Vec<f32>>> {
    let utterances = pooled.first().map_or(0, Vec::len);
    let concatenated = |utterance: usize| {
        let vectors = pooled.iter().map(|part| part[utterance].clone());
        vectors.collect::<Vec<_>>().concat()
    };
    let joint = (0..utterances).map(concatenated).collect();
    pooled.push(joint);
    pooled
}
