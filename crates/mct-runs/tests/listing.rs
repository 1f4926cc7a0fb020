//! The runs below a folder.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use mct_hfr::config::Config;
use mct_runs::{CorpusReference, Manifest, RunFolder, runs_below};
use mct_scores::Metric;

/// A run of this seed, before its first checkpoint.
fn create(folder: &Path, seed: u64) {
    let mut config = Config::preset("demo").unwrap();
    config.training.seed = seed;
    let manifest = Manifest {
        device: "flex".to_owned(),
        corpus: CorpusReference {
            path: PathBuf::from("corpus"),
            sha256: String::new(),
        },
        model: config.model,
        training: config.training,
    };
    RunFolder::create(folder, manifest).unwrap();
}

fn epoch(number: usize, ua: f64) -> String {
    format!(
        r#"{{"epoch": {number}, "losses": {{"total": 1.5}}, "validation_loss": 1.25, "validation": {{"ua": {ua}}},
        "confusion": [[1, 0], [0, 1]], "validation_auilc": null, "best": true}}"#
    )
}

#[test]
fn runs_are_found_with_their_histories_and_those_that_cannot_be_read_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| folder.path().join(name);
    create(&of("one"), 1);
    create(&of("deeper/down/two"), 2);
    create(&of("broken"), 3);
    create(&of(".hidden/run"), 4);
    create(&of("a/b/c/d/e/too-deep"), 5);
    fs::create_dir(of("no-run")).unwrap();
    let epochs = [epoch(0, 0.25), epoch(1, 0.5)].join(",");
    let metrics = format!(
        r#"{{"synthetic": true, "fold": "session 1", "finished": true, "best_epoch": 1,
        "best_validation": {{"ua": 0.5}}, "epochs": [{epochs}]}}"#
    );
    fs::write(of("deeper/down/two/metrics.json"), metrics).unwrap();
    fs::write(of("broken/metrics.json"), "[]").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(of("one"), of("link")).unwrap();

    let listing = runs_below(folder.path()).unwrap();
    assert!(!listing.is_cut);
    let paths: Vec<&Path> = listing
        .runs
        .iter()
        .map(|(path, _)| path.as_path())
        .collect();
    assert_eq!(paths, [of("broken"), of("deeper/down/two"), of("one")]);
    let [broken, two, one] = listing.runs.try_into().unwrap_or_else(|_| panic!());
    let problem = broken.1.err().unwrap();
    assert!(problem.contains("broken/metrics.json"), "{problem}");
    let two = two.1.unwrap();
    assert_eq!(two.manifest.training.seed, 2);
    assert_eq!((two.fold.as_str(), two.finished), ("session 1", true));
    assert_eq!(two.epochs.len(), 2);
    let best = two.best().unwrap();
    assert_eq!((best.epoch, best.validation.get(Metric::Ua)), (1, 0.5));
    let one = one.1.unwrap();
    assert!(!one.finished && one.epochs.is_empty() && one.best().is_none());
    assert!(one.changed.unwrap().elapsed().unwrap().as_secs() < 600);

    // A run itself is a folder of runs.
    assert_eq!(runs_below(&of("one")).unwrap().runs.len(), 1);
    let error = runs_below(&of("nowhere")).err().unwrap().to_string();
    assert!(error.contains("nowhere"), "{error}");
}
