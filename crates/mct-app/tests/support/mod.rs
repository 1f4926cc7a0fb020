//! A window without a screen, with real pipelines.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eframe::egui::{Pos2, Vec2};
use egui_kittest::{Harness, HarnessBuilder};
use mct_app::application::{Application, Options};
use mct_app::summary::summary;
use mct_engine::source::Source;

pub type Window = Harness<'static, Application>;

/// Timeout of a condition, enough for a slow machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// A tenth of the demo corpus: 55 test utterances.
pub fn small_corpus() -> Source {
    Source::Demo {
        seed: 1,
        scale: 0.1,
    }
}

/// The demo model of the repository.
pub fn demo_model() -> Source {
    Source::Path(assets().join("demo-model.safetensors"))
}

pub fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets")
}

pub fn options(open: Vec<Source>) -> Options {
    Options {
        device: "flex".into(),
        open,
        set: Vec::new(),
        save_to: None,
        unfinished: None,
        not_kept: None,
    }
}

pub fn builder() -> HarnessBuilder<Application> {
    Harness::builder().with_size(Vec2::new(1440.0, 900.0))
}

pub fn window(options: Options) -> Window {
    build(builder(), options)
}

pub fn build(builder: HarnessBuilder<Application>, options: Options) -> Window {
    builder.build_eframe(|creation| Application::new(&creation.egui_ctx, None, options).unwrap())
}

/// The demo: the small corpus and the demo model, evaluated.
pub fn demo() -> Window {
    let mut window = window(options(vec![small_corpus(), demo_model()]));
    until(&mut window, "the first matrix", is_evaluated);
    window
}

pub fn is_evaluated(application: &Application) -> bool {
    let shown = application.workspace.models.shown();
    shown.is_some_and(|open| open.evaluated.is_some())
}

/// Draws frames until the condition holds.
pub fn until(window: &mut Window, what: &str, condition: impl Fn(&Application) -> bool) {
    let started = Instant::now();
    loop {
        window.step();
        if condition(window.state()) {
            // Draws the state after the last response.
            window.step();
            return;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "waited for {what}: {:#}",
            summary(&window.state().workspace)
        );
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// The rectangle of a control, by its name in the state object.
pub fn control(window: &Window, name: &str) -> eframe::egui::Rect {
    let controls = &window.state().workspace.controls;
    let found = controls.iter().find(|(other, _)| *other == name);
    found.unwrap_or_else(|| panic!("no control {name}")).1
}

/// Drags the pointer from one position to another.
pub fn drag(window: &mut Window, from: Pos2, to: Pos2) {
    window.hover_at(from);
    window.step();
    window.drag_at(from);
    window.step();
    for quarter in 1..=4 {
        window.hover_at(from + (to - from) * quarter as f32 / 4.0);
        window.step();
    }
    window.drop_at(to);
    window.step();
}

/// Clicks the control of this name.
pub fn press(window: &mut Window, name: &str) {
    let centre = control(window, name).center();
    window.hover_at(centre);
    window.step();
    window.drag_at(centre);
    window.drop_at(centre);
    window.run_steps(2);
}

/// Drags the slider of this name to a fraction of its range, 0 to 1.
pub fn slide(window: &mut Window, name: &str, share: f32) {
    let rect = control(window, name);
    // The knob stays within the rail; the value and the name follow the rail.
    let rail = 120.0;
    let middle = rect.center().y;
    let knob = |share: f32| Pos2::new(rect.left() + 7.0 + (rail - 14.0) * share, middle);
    drag(window, knob(0.0), knob(share));
}

/// A run of the demo model, trained on the demo corpus of this seed in a file of its own.
pub fn run_on(folder: &Path, seed: u64) -> (PathBuf, PathBuf) {
    let path = folder.join(format!("corpus-{seed}.safetensors"));
    let corpus = mct_corpus::demo::generate(seed, 0.05).unwrap();
    corpus.save(&path).unwrap();
    let checkpoint = std::fs::read(assets().join("demo-model.safetensors")).unwrap();
    let checkpoint = mct_hfr::training::Checkpoint::from_bytes("demo", &checkpoint).unwrap();
    let manifest = mct_runs::Manifest {
        device: "flex".into(),
        corpus: mct_runs::CorpusReference::of(&path).unwrap(),
        model: checkpoint.config.model.clone(),
        training: checkpoint.config.training.clone(),
    };
    let run = folder.join("run");
    let writer = mct_runs::RunFolder::create(&run, manifest).unwrap();
    writer.save(&checkpoint, mct_runs::Which::Best).unwrap();
    (run, path)
}

/// `run2/run` has finished, `run10/run` is better and has not.
pub fn two_runs(folder: &Path) {
    for (name, seed, ua) in [("run2", 3, [0.3, 0.5]), ("run10", 4, [0.2, 0.9])] {
        let inside = folder.join(name);
        std::fs::create_dir_all(&inside).unwrap();
        let (run, _) = run_on(&inside, seed);
        let epochs = ua.iter().enumerate().map(|(epoch, ua)| {
            serde_json::json!({
                "epoch": epoch, "losses": {"total": 2.0 - ua}, "validation_loss": 1.0,
                "validation": {"ua": ua}, "confusion": [[1]], "validation_auilc": null, "best": true,
            })
        });
        let metrics = serde_json::json!({
            "synthetic": true, "fold": "session 1", "finished": seed == 3, "best_epoch": 1,
            "best_validation": null, "epochs": epochs.collect::<Vec<_>>(),
        });
        std::fs::write(run.join("metrics.json"), metrics.to_string()).unwrap();
    }
}
