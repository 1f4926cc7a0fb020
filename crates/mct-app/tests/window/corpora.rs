//! Runs and weights, and the corpora that they were trained on.

use crate::support::{self, options, until, window};
use egui_kittest::kittest::Queryable as _;
use mct_engine::source::Source;

fn note(window: &support::Window) -> Option<String> {
    let shown = window.state().workspace.models.shown();
    shown.and_then(|open| open.card.note.clone())
}

#[test]
fn a_run_folder_opens_its_corpus() {
    let folder = tempfile::tempdir().unwrap();
    let (run, path) = support::run_on(folder.path(), 3);
    let mut window = window(options(vec![Source::Path(run)]));
    until(&mut window, "the run", support::is_evaluated);
    let workspace = &window.state().workspace;
    let corpus = mct_corpus::Corpus::open(&path).unwrap();
    assert_eq!(
        workspace.corpus.as_ref().unwrap().utterances.len(),
        corpus.len()
    );
    assert_eq!(note(&window), None);
}

#[test]
fn a_run_is_opened_on_its_corpus_where_that_has_moved() {
    let folder = tempfile::tempdir().unwrap();
    let (run, path) = support::run_on(folder.path(), 3);
    let moved = folder.path().join("moved.safetensors");
    std::fs::rename(path, &moved).unwrap();
    let mut window = window(options(vec![Source::Path(run)]));
    until(&mut window, "the model", |application| {
        !application.workspace.models.is_empty()
    });
    let absent = note(&window).unwrap();
    assert!(absent.contains("open it, wherever it is"), "{absent}");
    window.state_mut().workspace.open(Source::Path(moved));
    until(&mut window, "its scores", support::is_evaluated);
    assert_eq!(note(&window), None);
}

#[test]
fn a_corpus_that_was_asked_for_stays_and_another_one_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (run, _) = support::run_on(folder.path(), 3);
    let other = folder.path().join("other.safetensors");
    let corpus = mct_corpus::demo::generate(4, 0.06).unwrap();
    corpus.save(&other).unwrap();
    let sources = vec![Source::Path(other), Source::Path(run)];
    let mut window = window(options(sources));
    until(&mut window, "the run", support::is_evaluated);
    let card = window.state().workspace.corpus.as_ref().unwrap();
    assert_eq!(card.utterances.len(), corpus.len());
    let said = note(&window).unwrap();
    assert!(
        said.contains("another corpus (corpus-3.safetensors)"),
        "{said}"
    );
    window.get_by_label_contains("another corpus (corpus-3");
}

/// Of another fold, whose training set has the test set of this one.
#[test]
fn what_training_started_from_may_have_seen_the_test_set() {
    let folder = tempfile::tempdir().unwrap();
    let (run, _) = support::run_on(folder.path(), 3);
    let best = mct_runs::Which::Best;
    let mut before = mct_runs::RunFolder::open(&run)
        .unwrap()
        .checkpoint(best)
        .unwrap();
    before.config.training.fold += 1;
    let weights = folder.path().join("before.safetensors");
    let bytes = before.to_bytes(mct_hfr::training::Precision::F32).unwrap();
    std::fs::write(&weights, bytes).unwrap();
    let reference = mct_runs::CorpusReference::of(&weights).unwrap();
    let mut manifest = mct_runs::RunFolder::open(&run).unwrap().manifest;
    manifest.training.weights = Some(mct_hfr::config::StartingWeights {
        path: reference.path.display().to_string(),
        sha256: reference.sha256,
    });
    before.config.training = manifest.training.clone();
    let started = folder.path().join("started");
    let writer = mct_runs::RunFolder::create(&started, manifest).unwrap();
    writer.save(&before, best).unwrap();
    let mut window = window(options(vec![Source::Path(started)]));
    until(&mut window, "the run", support::is_evaluated);
    let said = note(&window).unwrap();
    assert!(
        said.contains("before.safetensors, from which training started, was trained on"),
        "{said}"
    );
    window.get_by_label_contains("from which training started");
}

#[test]
fn weights_know_their_corpus_and_what_they_do_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let (run, path) = support::run_on(folder.path(), 3);
    let best = mct_runs::RunFolder::open(&run).unwrap();
    let best = best.checkpoint_path(mct_runs::Which::Best);
    let weights = folder.path().join("weights.safetensors");
    std::fs::copy(best, &weights).unwrap();
    let sources = vec![Source::Path(path), Source::Path(weights.clone())];
    let mut window = window(options(sources));
    until(&mut window, "the weights", support::is_evaluated);
    assert_eq!(note(&window), None);
    // The same corpus, generated and not read from a file; then another.
    for (seed, is_another) in [(3, false), (4, true)] {
        let generated = Source::Demo { seed, scale: 0.05 };
        window.state_mut().workspace.open(generated.clone());
        until(&mut window, "the corpus", |application| {
            let card = application.workspace.corpus.as_ref().unwrap();
            card.source == generated && support::is_evaluated(application)
        });
        let said = note(&window);
        assert_eq!(said.is_some(), is_another, "{said:?}");
    }
    // Sequences that are longer than what a model reads.
    let bytes = std::fs::read(&weights).unwrap();
    let mut short = mct_hfr::training::Checkpoint::from_bytes("short", &bytes).unwrap();
    for modality in short.config.model.modality.values_mut() {
        modality.max_steps = mct_hfr::config::MaxSteps::Most(4);
    }
    let bytes = short.to_bytes(mct_hfr::training::Precision::F32).unwrap();
    let source = Source::Bytes {
        name: "short".into(),
        bytes: bytes.into(),
    };
    window
        .state_mut()
        .workspace
        .models
        .show_next(source.clone());
    window.state_mut().workspace.open(source);
    until(&mut window, "the shorter model", |application| {
        let shown = application.workspace.models.shown();
        shown.is_some_and(|open| open.card.name == "short")
    });
    let shown = window.state().workspace.models.shown().unwrap();
    assert_eq!(shown.card.cut.len(), 3, "{:?}", shown.card.cut);
    window.run_steps(2);
    window.get_by_label_contains("audio: ");
}
