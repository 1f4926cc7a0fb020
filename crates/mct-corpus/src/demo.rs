//! The demo corpus: synthetic, with a known limit.
//!
//! An utterance has a class, a speaker and a duration, distributed as the paper's Tables 1 and 5
//! describe IEMOCAP. A hidden chain, shared by the modalities, switches between a neutral and an
//! expressive state: emotion shows in moments. In an expressive moment each modality shows the
//! prototype of the utterance's class, but within a modality several classes share a prototype, so
//! that no modality alone can tell all classes apart while together they nearly can. Every step
//! carries Gaussian noise and the offset of its speaker's style. What one modality shows says
//! something of the others (the state, the class and the style are common), so there is something
//! to reconstruct.
//!
//! In the second process a hidden content carries most of the variance, and emotion is a change in how it
//! looks: see [`Content`](crate::process::Content). There neighbours and other modalities tell what is
//! missing, which in the first one is mostly noise.
//!
//! The posterior of either process can be computed exactly: see [`crate::limit`].

use crate::corpus::Corpus;
use crate::counter::Stream;
use crate::error::{CorpusError, Result};
use crate::metadata::{Metadata, Sex, Speaker, Utterance};
use crate::modality::{Modality, ModalityBuilder, Precision};
use crate::process::Process;

const CLASSES: [&str; 4] = ["angry", "happy", "neutral", "sad"];

/// Utterances of each class in each session (Table 1, IEMOCAP).
const BY_SESSION: [[usize; 4]; 5] = [
    [229, 278, 384, 194],
    [137, 327, 362, 197],
    [240, 286, 320, 305],
    [327, 303, 258, 143],
    [170, 442, 384, 245],
];

/// Edges in seconds of the duration bins of Table 5, closed by the shortest and longest here.
const DURATION_EDGES: [f64; 6] = [0.8, 2.0, 4.0, 6.0, 8.0, 16.0];

/// Shares of the bins: Table 5's for the female speakers, who are its test set, and the remaining
/// utterances' for the male ones.
const DURATION_SHARES: [[f64; 5]; 2] =
    [[20.9, 41.7, 18.7, 9.6, 9.1], [15.4, 37.0, 20.5, 11.7, 15.4]];

// What a stream of numbers is for.
const LABELS: u64 = 1;
const STYLES: u64 = 2;
const UTTERANCE: u64 = 4;
const CONTENT: u64 = 5;

/// Generates the demo corpus. The same seed and scale give the same bytes on every platform.
///
/// # Errors
/// When `scale` (the share of IEMOCAP's 5,531 utterances) is not in `0.01..=10`.
pub fn generate(seed: u64, scale: f64) -> Result<Corpus> {
    let title = format!("Synthetic demo corpus (seed {seed}, scale {scale})");
    of_process(Process::standard(seed), scale, title)
}

/// Generates a corpus of the process with content, as [`generate`] does.
///
/// # Errors
/// The same.
pub fn generate_content(seed: u64, scale: f64) -> Result<Corpus> {
    let title = format!("Synthetic content corpus (seed {seed}, scale {scale})");
    of_process(Process::with_content(seed), scale, title)
}

/// A corpus of any process of four classes.
pub(crate) fn of_process(process: Process, scale: f64, title: String) -> Result<Corpus> {
    let seed = process.seed;
    if !(0.01..=10.0).contains(&scale) {
        return Err(CorpusError::invalid(
            "demo corpus",
            "scale",
            scale,
            "0.01 to 10",
        ));
    }
    let mut speakers = Vec::new();
    let mut styles = Vec::new();
    let mut style_of = Stream::new(&[STYLES, seed]);
    for session in 1..=BY_SESSION.len() {
        for (letter, sex) in [("F", Sex::Female), ("M", Sex::Male)] {
            speakers.push(Speaker {
                name: format!("Demo{session:02}{letter}"),
                sex: Some(sex),
            });
            styles.push(style_of.below(process.styles));
        }
    }
    let mut builders: Vec<ModalityBuilder> = Vec::new();
    let mut means = Vec::new();
    for (index, channel) in process.modalities.iter().enumerate() {
        let channel_means = process.means(index);
        let unknown = channel_means.unknown.iter().map(|v| *v as f32).collect();
        builders.push(
            ModalityBuilder::new(&channel.name, channel.features, Precision::F32)
                .rate_hz(Some((process.tick_hz / channel.ticks_a_step as f64) as f32))
                .unknown((channel.unknown > 0.0).then_some(unknown)),
        );
        means.push(channel_means);
    }
    let mut utterances = Vec::new();
    for (session, counts) in BY_SESSION.iter().enumerate() {
        let mut labels: Vec<usize> = Vec::new();
        for (class, count) in counts.iter().enumerate() {
            let scaled = (*count as f64 * scale).round().max(2.0) as usize;
            labels.extend(std::iter::repeat_n(class, scaled));
        }
        Stream::new(&[LABELS, seed, session as u64]).shuffle(&mut labels);
        for (number, label) in labels.into_iter().enumerate() {
            let sex = number % 2;
            let speaker = 2 * session + sex;
            let words = [UTTERANCE, seed, session as u64, number as u64];
            let mut stream = Stream::new(&words);
            let bin = stream.weighted(&DURATION_SHARES[sex]);
            let (low, high) = (DURATION_EDGES[bin], DURATION_EDGES[bin + 1]);
            let duration = low * libm::exp(stream.uniform() * libm::log(high / low));
            let ticks = (duration * process.tick_hz) as usize;
            let expressive = hidden_states(&process, &mut stream, ticks);
            let contents = contents(&process, [seed, session as u64, number as u64], ticks);
            for ((channel, means), builder) in
                process.modalities.iter().zip(&means).zip(&mut builders)
            {
                let style = &means.styles[styles[speaker]];
                let prototype = &means.states[1 + channel.prototype_of_class[label]];
                let mut values = Vec::new();
                for tick in (0..ticks).step_by(channel.ticks_a_step) {
                    let state = if expressive[tick] {
                        prototype
                    } else {
                        &means.states[0]
                    };
                    let state = &state[contents[tick]];
                    for (mean, offset) in state.iter().zip(style) {
                        values.push((mean + offset + stream.normal()) as f32);
                    }
                }
                builder.push(&values);
            }
            utterances.push(Utterance {
                id: format!("{}_{number:04}", speakers[speaker].name),
                label: Some(label),
                speaker: Some(speaker),
                session: Some(session),
                duration_secs: Some(duration as f32),
                ..Utterance::default()
            });
        }
    }
    let metadata = Metadata {
        title,
        licence: "CC0-1.0".into(),
        synthetic: true,
        classes: CLASSES.map(String::from).to_vec(),
        speakers,
        sessions: (1..=BY_SESSION.len()).map(|s| s.to_string()).collect(),
        process: Some(process),
        ..Metadata::default()
    };
    let modalities: Vec<Modality> = builders.into_iter().map(ModalityBuilder::build).collect();
    Corpus::new("demo corpus", metadata, utterances, modalities).map_err(|findings| {
        let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
        CorpusError::invalid(
            "demo corpus",
            "generator",
            text.join("; "),
            "a sound corpus",
        )
    })
}

/// `true` for each expressive tick.
fn hidden_states(process: &Process, stream: &mut Stream, ticks: usize) -> Vec<bool> {
    let leave = process.leave();
    let mut expressive = stream.uniform() < process.stationary()[1];
    (0..ticks)
        .map(|_| {
            let now = expressive;
            expressive ^= stream.uniform() < leave[usize::from(now)];
            now
        })
        .collect()
}

/// The content of each tick.
fn contents(process: &Process, [seed, session, number]: [u64; 3], ticks: usize) -> Vec<usize> {
    let (count, leave) = process.contents();
    let mut stream = Stream::new(&[CONTENT, seed, session, number]);
    let mut content = stream.below(count);
    (0..ticks)
        .map(|_| {
            let now = content;
            if count > 1 && stream.uniform() < leave {
                content = (content + 1 + stream.below(count - 1)) % count;
            }
            now
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_scale_has_the_counts_of_table_1() {
        let corpus = generate(1, 1.0).unwrap();
        assert_eq!(corpus.len(), 5531);
        for (session, counts) in corpus.info().sessions.iter().zip(BY_SESSION) {
            assert_eq!(session.by_class, counts);
        }
        let female = corpus
            .utterances
            .iter()
            .filter(|u| u.speaker.is_some_and(|s| s % 2 == 0));
        let short = female
            .clone()
            .filter(|u| u.duration_secs < Some(2.0))
            .count();
        let share = short as f64 / female.count() as f64;
        assert!((share - 0.209).abs() < 0.03, "{share}");
    }

    #[test]
    fn the_bytes_depend_on_the_seed_and_scale_alone() {
        let bytes = |seed| generate(seed, 0.02).unwrap().to_bytes().unwrap();
        assert_eq!(bytes(5), bytes(5));
        assert_ne!(bytes(5), bytes(6));
        // The same on every platform: a change of this number is a change of the corpus.
        assert_eq!(
            hash(&bytes(5)),
            3_831_748_399_984_597_283,
            "the corpus of seed 5 at scale 0.02"
        );
    }

    fn hash(bytes: &[u8]) -> u64 {
        let words = bytes.chunks(8);
        let word = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte))
        };
        crate::counter::key(&words.map(word).collect::<Vec<_>>())
    }

    #[test]
    fn content_carries_most_of_the_variance_and_lies_in_few_dimensions() {
        let corpus = generate_content(1, 0.05).unwrap();
        for modality in &corpus.modalities {
            let rows: Vec<f32> = (0..corpus.len())
                .flat_map(|index| modality.values(index).to_vec())
                .collect();
            let steps = rows.len() / modality.dim;
            let variance = |column: usize| {
                let values = || rows.iter().skip(column).step_by(modality.dim);
                let mean = values().sum::<f32>() / steps as f32;
                values().map(|x| (x - mean).powi(2)).sum::<f32>() / steps as f32
            };
            let total: f32 = (0..modality.dim).map(variance).sum();
            // The noise has a variance of 1 in every feature.
            let noise = modality.dim as f32 / total;
            assert!((0.1..0.45).contains(&noise), "{}: {noise}", modality.name);
        }
        let process = Process::with_content(1);
        let rank = process.content.as_ref().unwrap().rank;
        for m in 0..process.modalities.len() {
            let mut all = process.means(m).states.concat();
            assert!(all.len() > rank && all[0].len() > rank);
            // What each vector has beside those before it.
            let mut dimensions = 0;
            for index in 0..all.len() {
                let own = all[index].clone();
                let length = own.iter().map(|x| x * x).sum::<f64>().sqrt();
                if length < 1e-6 {
                    continue;
                }
                dimensions += 1;
                for other in &mut all[index + 1..] {
                    let along: f64 = own.iter().zip(&*other).map(|(a, b)| a * b).sum();
                    for (other, own) in other.iter_mut().zip(&own) {
                        *other -= along / length / length * own;
                    }
                }
            }
            assert_eq!(dimensions, rank, "modality {m}");
        }
        let bytes = |seed| generate_content(seed, 0.01).unwrap().to_bytes().unwrap();
        assert_eq!(bytes(2), bytes(2));
        assert_ne!(bytes(2), bytes(3));
        // The same on every platform, as those of the first process.
        assert_eq!(hash(&bytes(2)), 15_815_526_323_366_787_798);
    }

    /// The share of a step's variance that the mean of its two neighbours explains, by a multiple of its own.
    fn explained_by_neighbours(corpus: &Corpus, m: usize) -> f64 {
        let modality = &corpus.modalities[m];
        let count = (0..corpus.len()).map(|index| modality.values(index).len());
        let steps = (count.sum::<usize>() / modality.dim) as f64;
        let mut means = vec![0.0; modality.dim];
        for index in 0..corpus.len() {
            for row in modality.values(index).chunks(modality.dim) {
                for (mean, x) in means.iter_mut().zip(row) {
                    *mean += f64::from(*x) / steps;
                }
            }
        }
        let (mut both, mut own, mut of_neighbours) = (0.0, 0.0, 0.0);
        for index in 0..corpus.len() {
            let values = modality.values(index);
            let rows: Vec<&[f32]> = values.chunks(modality.dim).collect();
            for window in rows.windows(3) {
                for (d, mean) in means.iter().enumerate() {
                    let [before, x, after] = [0, 1, 2].map(|at| f64::from(window[at][d]) - mean);
                    let neighbours = (before + after) / 2.0;
                    both += x * neighbours;
                    own += x * x;
                    of_neighbours += neighbours * neighbours;
                }
            }
        }
        both * both / (own * of_neighbours)
    }

    #[test]
    fn only_where_there_is_content_a_step_can_be_told_from_its_neighbours() {
        let (first, content) = (
            generate(1, 0.05).unwrap(),
            generate_content(1, 0.05).unwrap(),
        );
        assert!(first.metadata.synthetic && content.metadata.synthetic);
        for m in 0..2 {
            let explained = [&first, &content].map(|corpus| explained_by_neighbours(corpus, m));
            assert!(
                explained[0] < 0.1 && explained[1] > 0.25,
                "{m}: {explained:?}"
            );
        }
    }

    /// The content of each step by the mean that is next to it, with the ticks of a step.
    fn nearest_contents(corpus: &Corpus, process: &Process, m: usize, index: usize) -> Vec<usize> {
        let means = process.means(m);
        let values = corpus.modalities[m].values(index);
        let nearest = |row: &[f32]| {
            let states = means
                .states
                .iter()
                .flat_map(|contents| contents.iter().enumerate());
            let distance = |mean: &[f64]| -> f64 {
                let pairs = row.iter().zip(mean);
                pairs.map(|(x, mean)| (f64::from(*x) - mean).powi(2)).sum()
            };
            let measured = states.map(|(content, mean)| (distance(mean), content));
            measured.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap().1
        };
        values
            .chunks(corpus.modalities[m].dim)
            .map(nearest)
            .collect()
    }

    #[test]
    fn modalities_have_the_same_content_at_the_same_moment() {
        let corpus = generate_content(1, 0.05).unwrap();
        let process = Process::with_content(1);
        let modalities = process.modalities.len();
        let (mut same, mut other, mut moments) = (0, 0, 0);
        for index in 1..corpus.len() {
            let own: Vec<Vec<usize>> = (0..modalities)
                .map(|m| nearest_contents(&corpus, &process, m, index))
                .collect();
            let before = nearest_contents(&corpus, &process, 0, index - 1);
            for (contents, channel) in own.iter().zip(&process.modalities).skip(1) {
                for (step, content) in contents.iter().enumerate() {
                    let tick = step * channel.ticks_a_step;
                    let of_first = tick / process.modalities[0].ticks_a_step;
                    let [Some(now), Some(elsewhere)] = [own[0].get(of_first), before.get(of_first)]
                    else {
                        continue;
                    };
                    same += usize::from(content == now);
                    other += usize::from(content == elsewhere);
                    moments += 1;
                }
            }
        }
        let [same, other] = [same, other].map(|count| count as f64 / moments as f64);
        // Of another utterance one in eight.
        assert!(same > 0.7 && (other - 0.125).abs() < 0.05, "{same} {other}");
    }

    #[test]
    fn how_emotion_changes_a_content_says_nothing_of_how_it_changes_another() {
        let process = Process::with_content(1);
        for m in 0..process.modalities.len() {
            let states = process.means(m).states;
            let unit = |expressive: &[f64], plain: &[f64]| -> Vec<f64> {
                let change = expressive.iter().zip(plain).map(|(a, b)| a - b);
                let change: Vec<f64> = change.collect();
                let length = change.iter().map(|x| x * x).sum::<f64>().sqrt();
                assert!((length - process.modalities[m].expression).abs() < 1e-9);
                change.iter().map(|x| x / length).collect()
            };
            let (mut sum, mut pairs) = (0.0, 0.0);
            for expressive in &states[1..] {
                let changes = expressive.iter().zip(&states[0]);
                let changes: Vec<Vec<f64>> = changes.map(|(a, b)| unit(a, b)).collect();
                for (index, own) in changes.iter().enumerate() {
                    for other in &changes[..index] {
                        sum += own.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
                        pairs += 1.0;
                    }
                }
            }
            // One and the same change for all contents would have a cosine of 1.
            assert!((sum / pairs).abs() < 0.2, "modality {m}: {}", sum / pairs);
        }
    }

    #[test]
    fn a_scale_out_of_range_is_refused() {
        let error = generate(1, 0.0).unwrap_err().to_string();
        assert!(
            error.contains("scale: found 0, expected 0.01 to 10"),
            "{error}"
        );
    }
}
