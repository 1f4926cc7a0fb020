//! Everything that reads bytes of a stranger, by format: what tests with mutated files and a fuzzer try.
//!
//! Whatever the bytes are, reading them ends with a value or an error, soon, and takes memory in proportion
//! to them: [`Format::try_out`] panics otherwise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test

pub mod crafted;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use burn::tensor::Device;
use mct_corpus::fold::{self, Protocol};
use mct_corpus::import::{self, Files, Options, Picked, SpeakerTable};
use mct_corpus::limit;
use mct_corpus::missing::Missing;
use mct_corpus::{Corpus, Task, demo, info};
use mct_engine::source::Source;
use mct_engine::{embedding, evaluation, training};
use mct_hfr::config::{Config, PRESETS};
use mct_hfr::training::{Checkpoint, Event, Precision, Trainer};
use mct_recordings::Waveform;
use mct_runs::{Manifest, Predictions, SidePredictions, sealed};
use mct_scores::Predicted;
use peak_alloc::PeakAlloc;
use serde::Serialize;
use serde::de::DeserializeOwned;

static ALONE: Mutex<()> = Mutex::new(());

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Reading `n` bytes takes at most [`TIMES`]` n + `[`PLUS`] bytes of memory.
const TIMES: usize = 20;
const PLUS: usize = 64 << 20;
/// Of a message, which comes from the page's own worker: serde reserves a mebibyte for a list, whose length is
/// claimed in five bytes.
const TIMES_OF_MESSAGES: usize = (1 << 20) / 4;
/// Of sound, which a fuzzer makes unfold; its vector is copied into one of twice its length when it is full.
const TIMES_OF_SOUND: usize = 3 * 64 * size_of::<f32>();
const PLUS_OF_SOUND: usize = (3 * size_of::<f32>()) << 28;

/// A format, and how it is read.
pub struct Format {
    pub name: &'static str,
    /// Files as they should be.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What is wrong with it, if anything is.
    read: fn(&[u8]) -> Result<(), String>,
}

/// All formats.
pub const FORMATS: [Format; 10] = [
    Format {
        name: "container",
        seeds: containers,
        read: |bytes| {
            let corpus = Corpus::from_bytes("corpus.mct", bytes.to_vec()).map_err(text)?;
            work_on(&corpus);
            Ok(())
        },
    },
    Format {
        name: "checkpoint",
        seeds: checkpoints,
        read: |bytes| {
            let checkpoint = Checkpoint::from_bytes("model.safetensors", bytes).map_err(text)?;
            checkpoint.model(&Device::flex()).map_err(text)?;
            Ok(())
        },
    },
    Format {
        name: "npz",
        seeds: || fixtures(".npz"),
        read: |bytes| import("features.npz", bytes),
    },
    Format {
        name: "pickle",
        seeds: || fixtures(".pkl"),
        read: |bytes| import("features.pkl", bytes),
    },
    Format {
        name: "table",
        seeds: tables,
        read: |bytes| {
            let speakers = SpeakerTable::parse("speakers.tsv", bytes).map_err(text);
            import("table.csv", bytes).or_else(|_| speakers.map(drop))
        },
    },
    Format {
        name: "config",
        seeds: configs,
        read: |bytes| {
            let toml = std::str::from_utf8(bytes).map_err(text)?;
            let config = Config::from_toml("config.toml", toml);
            if let Ok(config) = &config {
                config.to_toml().unwrap();
            }
            toml::from_str::<Manifest>(toml).ok();
            let set = toml.lines().filter_map(|line| line.split_once('='));
            let set = set.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
            let set: Vec<_> = set.collect();
            let set = Config::preset("demo").unwrap().set("--set", &set);
            config.or(set).map(drop).map_err(text)
        },
    },
    Format {
        name: "events",
        seeds: events,
        read: |bytes| {
            for line in bytes.split(|byte| *byte == b'\n') {
                serde_json::from_slice::<Event>(line).map_err(text)?;
            }
            Ok(())
        },
    },
    Format {
        name: "predictions",
        seeds: predictions,
        read: |bytes| {
            let file = std::str::from_utf8(bytes).map_err(text)?;
            // A mutation would not get past the checksum.
            let as_json = Predictions::parse("predictions.json", &sealed(file));
            let outcome = Predictions::parse("predictions.json", file).or(as_json);
            outcome.map(drop).map_err(text)
        },
    },
    Format {
        name: "messages",
        seeds: messages,
        read: |bytes| {
            let all = [
                understand::<evaluation::Request>(bytes),
                understand::<evaluation::Response>(bytes),
                understand::<training::Request>(bytes),
                understand::<training::Response>(bytes),
                understand::<embedding::Request>(bytes),
                understand::<embedding::Response>(bytes),
            ];
            match all.contains(&true) {
                true => Ok(()),
                false => Err("no message".to_owned()),
            }
        },
    },
    Format {
        name: "sound",
        seeds: sounds,
        read: |bytes| {
            let source = Box::new(Cursor::new(bytes.to_vec()));
            Waveform::decode(source, Some("wav"))
                .map(drop)
                .map_err(text)
        },
    },
];

impl Format {
    /// The format of this name.
    pub fn named(name: &str) -> &'static Self {
        let mut formats = FORMATS.iter();
        formats.find(|format| format.name == name).expect("a name")
    }

    /// Reads `bytes`, whatever they are.
    ///
    /// # Errors
    /// What is wrong with them.
    ///
    /// # Panics
    /// When reading panics or takes more memory than it may.
    pub fn try_out(&self, bytes: &[u8]) -> Result<(), String> {
        // Memory is counted for the whole process.
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let outcome = (self.read)(bytes);
        let (times, plus) = match self.name {
            "messages" => (TIMES_OF_MESSAGES, PLUS),
            "sound" if cfg!(fuzzing) => (TIMES_OF_SOUND, PLUS_OF_SOUND),
            _ => (TIMES, PLUS),
        };
        let found = MEMORY.peak_usage().saturating_sub(before);
        let most = times * bytes.len() + plus;
        assert!(
            found <= most,
            "{}: {} bytes took {found} bytes of memory",
            self.name,
            bytes.len()
        );
        outcome
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// What is done with a corpus when it has been opened.
fn work_on(corpus: &Corpus) {
    info::values(corpus);
    corpus.info();
    for protocol in [
        Protocol::File,
        Protocol::Speaker,
        Protocol::Session { swap_roles: false },
        Protocol::Groups { k: 3 },
    ] {
        fold::fold(corpus, Task::Classification, protocol, 0).ok();
    }
    let missing = Missing::uniform(0.5, corpus.modalities.len());
    let few: Vec<usize> = (0..corpus.len().min(2)).collect();
    limit::limit(corpus, &few, &[(0.5, missing)], 1).ok();
}

/// Imports a file by its name, as the only one that was picked.
fn import(name: &str, bytes: &[u8]) -> Result<(), String> {
    let features = crafted::npy("<f4", &[1000, 10], &[0; 40_000]);
    let files = [("a.npy", bytes), ("b.npy", &features)];
    let files: &dyn Files = &Picked(BTreeMap::from(files));
    let import = import::import_bytes(None, name, bytes, files, &Options::default());
    work_on(&import.map_err(text)?.corpus);
    Ok(())
}

/// Whether the bytes are a message of this kind.
fn understand<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> bool {
    let message = rmp_serde::from_slice::<T>(bytes);
    message.is_ok_and(|message| rmp_serde::to_vec_named(&message).is_ok())
}

/// The fixtures of the importers of this ending.
fn fixtures(ending: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/import");
    let entries = std::fs::read_dir(folder).expect("fixtures");
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let named = |path: &&std::path::PathBuf| path.to_string_lossy().ends_with(ending);
    let files = paths.iter().filter(named);
    files.map(|path| std::fs::read(path).unwrap()).collect()
}

fn containers() -> Vec<Vec<u8>> {
    let imported = ["kind_columns.npz", "kind_absent.npz"].map(|name| {
        let bytes = std::fs::read(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../fixtures/import")
                .join(name),
        )
        .unwrap();
        let files = Picked(BTreeMap::new());
        let import = import::import_bytes(None, name, &bytes, &files, &Options::default());
        import.unwrap().corpus
    });
    let made = [
        demo::generate(1, 0.01).unwrap(),
        demo::generate_content(1, 0.01).unwrap(),
    ];
    let all = imported.into_iter().chain(made);
    all.map(|corpus| corpus.to_bytes().unwrap()).collect()
}

fn checkpoints() -> Vec<Vec<u8>> {
    let corpus = demo::generate(1, 0.02).unwrap();
    let mut seeds = Vec::new();
    for precision in [Precision::F32, Precision::F16] {
        let mut config = Config::preset("demo").unwrap();
        config.model.d = 4;
        config.model.heads = 2;
        config.model.layers = 1;
        config.model.decoder_layers = 1;
        let trainer = Trainer::new(&corpus, config, &Device::flex()).unwrap();
        let checkpoint = pollster::block_on(trainer.checkpoint()).unwrap();
        seeds.push(checkpoint.to_bytes(precision).unwrap());
    }
    seeds
}

fn tables() -> Vec<Vec<u8>> {
    [
        "id,label,audio\nclip1,happy,a.npy\nclip2,sad,\n",
        "\u{feff}clip;emotion;valence\n\"a;b\";angry;0,5\nc;sad;1\n",
        "id\tspeaker\tsex\tsession\nclip1\tann\tf\t1\nclip2\tbob\tm\t2\n",
        "speaker\tsex\tsession\nann\tf\t1\n",
        "",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn configs() -> Vec<Vec<u8>> {
    let presets = PRESETS.iter().map(|name| Config::preset(name).unwrap());
    let texts = presets.map(|config| config.to_toml().unwrap());
    let set = "model.d=64\ntraining.freeze=[\"network\"]\nmodel.modality.audio.kernel=3\n\
               training.modality_rates.audio=0.5\nmodel.system=misa";
    let texts = texts.chain([set.to_owned()]);
    texts.map(String::into_bytes).collect()
}

fn events() -> Vec<Vec<u8>> {
    let lines = [
        r#"{"event":"started","fold":"1","train":3,"validation":2,"parameters":7,"epochs":2,"from_epoch":0}"#,
        r#"{"event":"step","epoch":0,"step":1,"steps":9,"losses":{"total":1.5,"classification":1.25}}"#,
        r#"{"event":"warning","message":"a\u001b[31mb"}"#,
        r#"{"event":"checkpoint","epoch":0,"best":true}"#,
        r#"{"event":"finished","best_epoch":1,"reason":"early-stop"}"#,
    ];
    let mut seeds = vec![lines.join("\n").into_bytes()];
    seeds.extend(lines.map(|line| line.as_bytes().to_vec()));
    seeds
}

/// As JSON, and as the file with its checksum.
fn predictions() -> Vec<Vec<u8>> {
    let side = |predicted: Predicted| SidePredictions {
        utterances: vec!["clip1".into(), "clip2".into()],
        draws: vec![
            vec![predicted.clone(), predicted.clone()],
            vec![predicted.clone(), predicted],
        ],
    };
    let of = |validation, test: Predicted| Predictions {
        training_seconds: Some(1.5),
        epochs: 2,
        fold: "1".into(),
        rates: vec![0.0, 0.5],
        validation: side(validation),
        test_selected: Some(side(test.clone())),
        test: side(test),
    };
    let probabilities = || Predicted::Probabilities(vec![vec![0.25, 0.75], vec![1.0, 0.0]]);
    let intensities = || Predicted::Intensities(vec![vec![0.25], vec![-1.0]]);
    let both = [
        of(probabilities(), probabilities()),
        of(intensities(), intensities()),
    ];
    let json = both.map(|predictions| serde_json::to_string(&predictions).unwrap());
    let texts = json.iter().flat_map(|json| [json.clone(), sealed(json)]);
    texts.map(String::into_bytes).collect()
}

fn messages() -> Vec<Vec<u8>> {
    let pack = |message: &evaluation::Request| rmp_serde::to_vec_named(message).unwrap();
    let conditions = evaluation::Conditions {
        missing: Missing::uniform(0.5, 3),
        mask_seed: 1,
    };
    let source = Source::Bytes {
        name: "a.mct".into(),
        bytes: vec![1; 40].into(),
    };
    let config = Config::preset("demo").unwrap();
    let start = training::Request::Start(Box::new(training::Start {
        corpus: source.clone(),
        begin: training::Begin::New(Box::new(config.clone())),
        folder: "run".into(),
        keep: true,
    }));
    vec![
        pack(&evaluation::Request::Open {
            source: source.clone(),
            model: evaluation::ModelId(1),
        }),
        pack(&evaluation::Request::Predict(evaluation::Predict {
            ticket: 7,
            model: evaluation::ModelId(1),
            side: evaluation::Side::Test,
            conditions,
        })),
        rmp_serde::to_vec_named(&start).unwrap(),
        rmp_serde::to_vec_named(&training::Response::Began(Box::new(config), Vec::new())).unwrap(),
        rmp_serde::to_vec_named(&training::Response::Last(vec![7; 30].into())).unwrap(),
    ]
}

/// A WAV file of a few samples, whole and without its end.
fn sounds() -> Vec<Vec<u8>> {
    let samples: Vec<u8> = (0..400_i16).flat_map(i16::to_le_bytes).collect();
    let mut wav = b"RIFF".to_vec();
    let mut number = |bytes: &[u8]| wav.extend_from_slice(bytes);
    number(&(36 + samples.len() as u32).to_le_bytes());
    number(b"WAVEfmt ");
    number(&16_u32.to_le_bytes());
    for word in [1_u16, 1] {
        number(&word.to_le_bytes());
    }
    number(&16_000_u32.to_le_bytes());
    number(&32_000_u32.to_le_bytes());
    number(&2_u16.to_le_bytes());
    number(&16_u16.to_le_bytes());
    number(b"data");
    number(&(samples.len() as u32).to_le_bytes());
    number(&samples);
    vec![wav[..300].to_vec(), wav]
}
