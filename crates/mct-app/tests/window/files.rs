//! Files that come and go.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::support::{self, demo, demo_model, options, press, small_corpus, until, window};
use eframe::egui::accesskit::Role;
use eframe::egui::{DroppedFile, Key};
use egui_kittest::kittest::Queryable as _;
use mct_app::application::Application;
use mct_app::state::command::Command;
use mct_app::state::training::Phase;
use mct_corpus::Task;
use mct_engine::source::Source;
use mct_scores::Metric;

/// A file that is dropped on the window.
#[derive(Debug)]
struct Dropped(PathBuf);

impl DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }
    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

fn drop_file(window: &mut support::Window, path: &Path) {
    let file = Arc::new(Dropped(path.to_owned()));
    window.input_mut().dropped_files.push(file);
    window.step();
}

#[test]
fn features_that_need_options_are_asked_for_them() {
    let fixture = |name: &str| {
        let folder = support::assets().join("../tests/fixtures/import");
        folder.join(name).canonicalize().unwrap()
    };
    let mut window = window(options(vec![small_corpus()]));
    until(&mut window, "the corpus", |application| {
        application.workspace.corpus.is_some()
    });
    // Several emotions at once are no classes.
    drop_file(&mut window, &fixture("mult_several_p4.pkl"));
    until(&mut window, "the dialog", |application| {
        !application.workspace.importing.is_empty()
    });
    window.run_steps(3);
    let problem = window.state().workspace.importing[0].problem.clone();
    assert!(problem.unwrap().contains("--task regression"));
    let scale = |window: &support::Window| {
        let field = window.get_by_role_and_label(Role::TextInput, "Scale of intensities");
        field.focus();
        field.type_text("0; 1");
    };
    scale(&window);
    window.run_steps(3);
    press(&mut window, "import");
    let problem = window.state().workspace.importing[0].problem.clone();
    let problem = problem.unwrap();
    assert!(problem.starts_with("scale: expected"), "{problem}");
    let form = &mut window.state_mut().workspace.importing[0].form;
    assert_eq!(form.range, "0; 1");
    form.range = "0, 1".into();
    window.run_steps(2);
    press(&mut window, "import --task");
    window.get_by_label("intensities").click();
    window.run_steps(2);
    press(&mut window, "import");
    let is_open = |application: &Application| {
        let corpus = application.workspace.corpus.as_ref();
        corpus.is_some_and(|card| !card.metadata.synthetic && !card.metadata.targets.is_empty())
    };
    until(&mut window, "the intensities", is_open);
    assert!(window.state().workspace.importing.is_empty());
    // What was said is there when it is imported again, and can be saved as a corpus.
    press(&mut window, "import options");
    let form = &window.state().workspace.importing[0].form;
    assert_eq!(
        (&form.range[..], form.task),
        ("0, 1", Some(Task::Regression))
    );
    press(&mut window, "cancel import");
    assert!(window.state().workspace.importing.is_empty());
}

#[test]
fn a_folder_with_a_table_is_a_corpus_and_is_kept_by_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let features = folder.path().join("clips/features/audio");
    std::fs::create_dir_all(&features).unwrap();
    let mut table = "id,label,side\n".to_owned();
    for clip in 0..20 {
        let side = ["train", "train", "train", "valid", "test"][clip / 2 % 5];
        table += &format!("c{clip},{},{side}\n", ["sad", "happy"][clip % 2]);
        let rows = "0.5,1\n0.25,2\n".repeat(3);
        std::fs::write(
            features.join(format!("c{clip}.csv")),
            format!("a,b\n{rows}"),
        )
        .unwrap();
    }
    std::fs::write(folder.path().join("clips/labels.csv"), table).unwrap();
    let mut window = window(options(Vec::new()));
    drop_file(&mut window, &folder.path().join("clips"));
    until(&mut window, "the corpus", |application| {
        application.workspace.corpus.is_some()
    });
    let card = window.state().workspace.corpus.as_ref().unwrap();
    assert_eq!(
        (card.utterances.len(), card.modalities[0].features),
        (20, 2)
    );
    let run = folder.path().join("run");
    let settings = &mut window.state_mut().workspace.training.settings;
    settings.folder = run.display().to_string();
    settings.epochs = 1;
    settings.more =
        "model.d = 8\nmodel.heads = 2\nmodel.layers = 1\ntraining.protocol = \"file\"".into();
    settings.config().unwrap();
    window.get_by_label("Training").click();
    window.run_steps(3);
    window.get_by_label("Train").click();
    until(&mut window, "the end", |application| {
        matches!(
            application.workspace.training.phase,
            Phase::Ended(_) | Phase::Failed
        )
    });
    assert_eq!(window.state().workspace.training.problem, None);
    // The run has a corpus of its own, so that the command line can evaluate it.
    let kept = mct_runs::RunFolder::open(&run).unwrap().manifest.corpus;
    assert_eq!(kept.open().unwrap().len(), 20);
}

#[test]
fn an_invalid_file_is_refused_and_the_open_corpus_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = demo();
    let utterances = window
        .state()
        .workspace
        .corpus
        .as_ref()
        .unwrap()
        .utterances
        .len();
    let model = std::fs::read(support::assets().join("demo-model.safetensors")).unwrap();
    let mut damaged = model.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let cases: [(&str, &[u8], &str); 4] = [
        ("damaged.safetensors", &damaged, "SHA-256"),
        (
            "truncated.safetensors",
            &model[..1000],
            "truncated.safetensors",
        ),
        ("photo.png", b"\x89PNG", "expected a corpus or a checkpoint"),
        ("features.npz", b"PK\x03\x04", "features.npz"),
    ];
    for (name, bytes, expected) in cases {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let before = window.state().workspace.notices.all().len();
        drop_file(&mut window, &path);
        until(&mut window, name, |application| {
            application.workspace.notices.all().len() > before
        });
        let notices = window.state().workspace.notices.all();
        let text = &notices.last().unwrap().text;
        assert!(text.contains(expected), "{name}: {text}");
    }
    let workspace = &window.state().workspace;
    assert_eq!(
        workspace.corpus.as_ref().unwrap().utterances.len(),
        utterances
    );
    assert!(support::is_evaluated(window.state()));
    assert_eq!(workspace.models.iter().count(), 1);
    // A valid file is opened in the same way.
    let corpus = mct_corpus::demo::generate(2, 0.05).unwrap();
    let path = folder.path().join("other.safetensors");
    corpus.save(&path).unwrap();
    drop_file(&mut window, &path);
    until(&mut window, "the other corpus", |application| {
        let card = application.workspace.corpus.as_ref();
        card.is_some_and(|card| card.utterances.len() == corpus.len())
    });
    until(&mut window, "its matrix", support::is_evaluated);
}

#[test]
fn every_view_can_be_exported() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(vec![small_corpus(), demo_model()]);
    options.save_to = Some(folder.path().to_owned());
    let mut window = window(options);
    until(&mut window, "the first matrix", support::is_evaluated);
    window.state_mut().workspace.selection.one(3);
    until(&mut window, "all views", |application| {
        let workspace = &application.workspace;
        let curve = &workspace.models.shown().unwrap().curve;
        curve.auilc(Metric::Ua).is_some()
            && workspace.limit.is_some()
            && workspace.inspector.seen.is_some()
            && workspace.projection.coordinates.len() == workspace.projection.cloud.points.len()
            && !workspace.projection.coordinates.is_empty()
    });
    let formats = [
        ("svg", "Picture (SVG)"),
        ("csv", "Table (CSV)"),
        ("json", "Data (JSON)"),
    ];
    for view in [
        "confusion",
        "curves",
        "embedding",
        "utterances",
        "utterance",
    ] {
        for (extension, title) in formats {
            if (view, extension) == ("utterances", "svg") {
                // The table has no SVG export.
                continue;
            }
            press(&mut window, &format!("save {view}"));
            window.get_by_label(title).click();
            let path = folder.path().join(format!("{view}.{extension}"));
            until(&mut window, "the file", |_| path.exists());
            let text = std::fs::read_to_string(&path).unwrap();
            match extension {
                "svg" => assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>")),
                "json" => {
                    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(value["synthetic"], true, "{view}");
                    if ["confusion", "utterances"].contains(&view) {
                        assert_eq!(value["side"], "test");
                        assert_eq!(value["fold"], "session 1");
                        assert_eq!(value["conditions"]["mask_seed"], 1);
                    }
                }
                _ => {
                    let columns = text.lines().next().unwrap().split(',').count();
                    assert!(columns > 1 && text.lines().count() > 2, "{view}: {text}");
                }
            }
            // Closes the menu before the next one is opened.
            window.key_press(Key::Escape);
            window.step();
        }
    }
    let text = std::fs::read_to_string(folder.path().join("utterances.csv")).unwrap();
    let evaluated = window.state().workspace.models.shown().unwrap();
    let evaluated = evaluated.evaluated.as_ref().unwrap();
    assert_eq!(text.lines().count(), 1 + evaluated.utterances.len());
    let (header, first) = (text.lines().next().unwrap(), text.lines().nth(1).unwrap());
    assert!(header.ends_with("model,fold,side,conditions"), "{header}");
    assert!(first.ends_with("test,missing rate 0.00"), "{first}");
}

#[test]
fn a_session_opens_again_what_was_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        support::run_on(&folder.path().join(name), 3);
    }
    let runs = ["a", "b"].map(|name| Source::Path(folder.path().join(name).join("run")));
    let mut first = options(runs.to_vec());
    first.save_to = Some(folder.path().to_owned());
    let mut window = window(first);
    until(&mut window, "both runs", |application| {
        support::is_evaluated(application) && application.workspace.models.iter().count() == 2
    });
    let workspace = &mut window.state_mut().workspace;
    let names: Vec<String> = workspace
        .models
        .iter()
        .map(|open| open.card.name.clone())
        .collect();
    workspace
        .models
        .want(Some(names[1].clone()), Some(names[0].clone()));
    workspace.missing.rate = 0.3;
    workspace.side = mct_engine::evaluation::Side::Validation;
    workspace.selection.one(7);
    window.get_by_label("Slices").click();
    window.run_steps(3);
    window.get_by_label("File").click();
    window.run_steps(2);
    window.get_by_label("Save the session…").click();
    let path = folder.path().join("mct-hfr.session.json");
    until(&mut window, "the file", |_| path.exists());
    let saved = window.state().workspace.conditions();
    assert!(saved.views.contains(&"slices".to_owned()) && saved.compared.is_some());

    let mut window = support::window(options(vec![Source::Path(path.clone())]));
    until(&mut window, "the session", |application| {
        application.workspace.conditions() == saved && support::is_evaluated(application)
    });
    let shown = window.state().workspace.models.shown().unwrap();
    assert_eq!(shown.card.name, names[1]);

    // What is no file is said and not written, however large it is.
    let bytes = mct_corpus::demo::generate(3, 0.02)
        .unwrap()
        .to_bytes()
        .unwrap();
    let source = Source::Bytes {
        name: "extracted".to_owned(),
        bytes: bytes.into(),
    };
    let mut of_bytes = options(vec![source]);
    of_bytes.save_to = Some(folder.path().to_owned());
    std::fs::remove_file(&path).unwrap();
    let window = &mut support::window(of_bytes);
    until(window, "the corpus", |application| {
        application.workspace.corpus.is_some()
    });
    window.state_mut().workspace.command(Command::SaveSession);
    until(window, "the file", |_| path.exists());
    let saved: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(saved["corpus"].is_null());
    let mut notices = window.state().workspace.notices.all().iter();
    assert!(notices.any(|own| own.text.contains("extracted is no file")));

    std::fs::write(&path, r#"{"version": 2}"#).unwrap();
    let window = &mut support::window(options(vec![Source::Path(path)]));
    until(window, "the refusal", |application| {
        let mut notices = application.workspace.notices.all().iter();
        notices
            .any(|own| own.text.contains("session.json") && own.text.contains("expected a session"))
    });
}
