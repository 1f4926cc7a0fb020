//! `cargo run --release --example frames [SECONDS]`: frame times, first at rest and then while a
//! model is trained on the CPU in the same process. `frames SECONDS SCALE`: all utterances of a demo corpus of
//! this scale in the embedding (4.6: 50,000 points), while it moves and the pointer rests on it.
//!
//! A software rasteriser takes most of the time from frame to frame.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use eframe::egui::{self, Context, Ui};
use mct_app::application::{Application, Options, demo_corpus};
use mct_app::state::command::Command;
use mct_app::state::training::{Phase, Run, Settings};
use mct_engine::evaluation::Side;
use mct_engine::source::Source;
use mct_engine::training::Begin;
use mct_scores::Metric;

/// The stage of the measurement.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// Not measured: the demo is being evaluated.
    Opening,
    Rest,
    /// Not measured: training begins.
    Starting,
    Training,
}

struct Measured {
    application: Application,
    seconds: f64,
    /// Whether the embedding is measured.
    is_of_points: bool,
    folder: String,
    stage: Stage,
    since: Instant,
    last: Instant,
    /// Milliseconds of work per frame.
    work: Vec<f64>,
    /// Milliseconds from frame to frame.
    between: Vec<f64>,
    begun: Instant,
}

impl Measured {
    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.since = Instant::now();
        self.last = self.since;
        self.work.clear();
        self.between.clear();
    }

    fn start_training(&mut self) {
        // Long enough not to end before the measurement.
        let config = Settings::default()
            .config()
            .unwrap_or_else(|text| unreachable!("{text}"));
        let workspace = &mut self.application.workspace;
        workspace.training.phase = Phase::Starting;
        workspace.command(Command::Train(Run {
            begin: Begin::New(Box::new(config)),
            folder: self.folder.clone(),
            corpus: None,
        }));
    }

    fn show(&mut self, what: &str) {
        println!("{} frames {what}:", self.work.len());
        show("work per frame", &mut self.work);
        show("from frame to frame", &mut self.between);
    }
}

impl eframe::App for Measured {
    fn logic(&mut self, context: &Context, _frame: &mut eframe::Frame) {
        self.begun = Instant::now();
        self.application.work(context);
        let workspace = &self.application.workspace;
        let shown = workspace.models.shown();
        let curve_is_complete = shown.is_some_and(|open| open.curve.auilc(Metric::Ua).is_some());
        let steps = workspace.training.steps.len() * 10;
        let points = self.application.workspace.projection.coordinates.len();
        let over = self.since.elapsed().as_secs_f64() > self.seconds;
        match self.stage {
            Stage::Opening if self.is_of_points => {
                self.application.workspace.side = Side::All;
                let shown = self.application.workspace.models.shown();
                let all = shown.and_then(|open| open.evaluated.as_ref());
                let all = all.filter(|all| all.held.side == Side::All);
                if all.is_some_and(|all| points == 2 * all.utterances.len().min(25_000)) {
                    self.enter(Stage::Rest);
                }
            }
            Stage::Rest if self.is_of_points && over => {
                self.show(&format!("with {points} points"));
                context.send_viewport_cmd(egui::ViewportCommand::Close);
                self.enter(Stage::Starting);
            }
            Stage::Opening if curve_is_complete && over => self.enter(Stage::Rest),
            Stage::Rest if over => {
                self.show("at rest");
                self.enter(Stage::Starting);
                self.start_training();
            }
            Stage::Starting if steps > 0 => self.enter(Stage::Training),
            Stage::Training if over => {
                self.show(&format!("while {steps} steps were trained"));
                self.enter(Stage::Opening);
                context.send_viewport_cmd(egui::ViewportCommand::Close);
            }
            _ => {}
        }
        context.request_repaint();
    }

    /// The pointer rests on the embedding.
    fn raw_input_hook(&mut self, _context: &Context, input: &mut egui::RawInput) {
        if self.is_of_points {
            let at = egui::pos2(1240.0, 330.0);
            input.events.push(egui::Event::PointerMoved(at));
        }
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.application.ui(ui);
        let now = Instant::now();
        self.work.push(self.begun.elapsed().as_secs_f64() * 1e3);
        self.between.push((now - self.last).as_secs_f64() * 1e3);
        self.last = now;
    }
}

fn show(name: &str, millis: &mut [f64]) {
    millis.sort_by(f64::total_cmp);
    let quantile = |share: f64| millis[((millis.len() - 1) as f64 * share) as usize];
    println!(
        "{name}: median {:.1} ms, 95th percentile {:.1} ms, most {:.1} ms",
        quantile(0.5),
        quantile(0.95),
        quantile(1.0)
    );
}

fn main() -> eframe::Result {
    mct_allocator::keep_memory();
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let scale: Option<f64> = std::env::args().nth(2).and_then(|text| text.parse().ok());
    let corpus = scale.map_or(demo_corpus(), |scale| Source::Demo { seed: 1, scale });
    let model = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../assets/demo-model.safetensors"
    );
    let options = Options {
        device: "flex".into(),
        open: vec![corpus, Source::Path(model.into())],
        set: Vec::new(),
        save_to: None,
        unfinished: None,
        not_kept: None,
    };
    let folder = std::env::temp_dir().join(format!("mct-app-frames-{}", std::process::id()));
    let folder = folder.display().to_string();
    let window = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default().with_inner_size([1440.0, 900.0]),
        ..Default::default()
    };
    let run_folder = folder.clone();
    let run = eframe::run_native(
        "frames",
        window,
        Box::new(move |creation| {
            Ok(Box::new(Measured {
                application: Application::new(&creation.egui_ctx, None, options)?,
                seconds: seconds.unwrap_or(20.0),
                is_of_points: scale.is_some(),
                folder: run_folder,
                stage: Stage::Opening,
                since: Instant::now(),
                last: Instant::now(),
                work: Vec::new(),
                between: Vec::new(),
                begun: Instant::now(),
            }))
        }),
    );
    std::fs::remove_dir_all(folder).ok();
    run
}
