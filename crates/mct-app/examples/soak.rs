//! `cargo run --release --example soak -- slider|training [MINUTES]`: memory of the window over a long time. It
//! should stay within 10 % of what it was after the first tenth of it. Linux; needs a display.
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use eframe::egui::{self, Context, Ui};
use mct_app::application::{Application, Options, demo_corpus};
use mct_app::state::command::Command;
use mct_app::state::training::{Run, Settings};
use mct_engine::source::Source;
use mct_engine::training::Begin;

struct Soak {
    application: Application,
    trains: bool,
    length: Duration,
    folder: String,
    /// When the first matrix was there.
    begun: Option<Instant>,
    turned: Instant,
    turns: usize,
    /// When it was measured, and the megabytes.
    samples: Vec<(Duration, f64)>,
}

/// Megabytes that the process holds beside its files; 0 where nobody says.
fn memory() -> f64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let kilobytes = rollup.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_own = ["Pss_Anon", "Pss_Shmem"].contains(&name);
        let value = value.trim().strip_suffix("kB")?.trim().parse::<f64>();
        is_own.then_some(value.ok()?)
    });
    kilobytes.sum::<f64>() / 1024.0
}

impl Soak {
    fn begin(&mut self) {
        self.begun = Some(Instant::now());
        if !self.trains {
            return;
        }
        let settings = Settings {
            epochs: 100_000,
            more: "model.d = 16\nmodel.layers = 1\ntraining.patience = 100000".to_owned(),
            ..Settings::default()
        };
        if let Ok(config) = settings.config() {
            self.application.workspace.command(Command::Train(Run {
                begin: Begin::New(Box::new(config)),
                folder: self.folder.clone(),
                corpus: None,
            }));
        }
    }

    fn turn(&mut self) {
        if self.turned.elapsed() < Duration::from_millis(300) {
            return;
        }
        self.turned = Instant::now();
        self.turns += 1;
        if !self.trains {
            self.application.workspace.missing.rate = (self.turns % 100) as f64 / 100.0;
        }
    }

    fn measure(&mut self, begun: Instant) {
        let elapsed = begun.elapsed();
        if elapsed >= self.length * self.samples.len() as u32 / 30 {
            self.samples.push((elapsed, memory()));
            let minutes = elapsed.as_secs_f64() / 60.0;
            let (_, megabytes) = self.samples[self.samples.len() - 1];
            println!("{minutes:.1} min: {megabytes:.0} MB, {} turns", self.turns);
        }
    }

    fn end(&self) -> ! {
        let warm = self
            .samples
            .iter()
            .filter(|(at, _)| *at >= self.length / 10);
        let warm: Vec<f64> = warm.map(|(_, megabytes)| *megabytes).collect();
        let (first, last) = (warm[0], warm[warm.len() - 1]);
        let most = warm.iter().copied().fold(0.0, f64::max);
        println!(
            "{} turns, epoch {}: {first:.0} MB, at the end {last:.0}, at most {most:.0}",
            self.turns, self.application.workspace.training.epoch
        );
        std::fs::remove_dir_all(&self.folder).ok();
        std::process::exit(i32::from(last > first * 1.1));
    }
}

impl eframe::App for Soak {
    fn logic(&mut self, context: &Context, _frame: &mut eframe::Frame) {
        self.application.work(context);
        let shown = self.application.workspace.models.shown();
        let is_there = shown.is_some_and(|open| open.evaluated.is_some());
        match self.begun {
            None if is_there => self.begin(),
            None => {}
            Some(begun) => {
                self.turn();
                self.measure(begun);
                if begun.elapsed() >= self.length {
                    self.end();
                }
            }
        }
        context.request_repaint_after(Duration::from_millis(50));
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.application.ui(ui);
    }
}

fn main() -> eframe::Result {
    mct_allocator::keep_memory();
    let mut words = std::env::args().skip(1);
    let trains = words.next().as_deref() == Some("training");
    let minutes: f64 = words
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(60.0);
    let folder = std::env::temp_dir().join(format!("mct-app-soak-{}", std::process::id()));
    let model = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../assets/demo-model.safetensors"
    );
    let options = Options {
        device: "flex".into(),
        open: vec![demo_corpus(), Source::Path(model.into())],
        set: Vec::new(),
        save_to: None,
        unfinished: None,
        not_kept: None,
    };
    let native = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default().with_inner_size([1440.0, 900.0]),
        ..Default::default()
    };
    eframe::run_native(
        "soak",
        native,
        Box::new(move |creation| {
            Ok(Box::new(Soak {
                application: Application::new(&creation.egui_ctx, None, options)?,
                trains,
                length: Duration::from_secs_f64(60.0 * minutes),
                folder: folder.display().to_string(),
                begun: None,
                turned: Instant::now(),
                turns: 0,
                samples: Vec::new(),
            }))
        }),
    )
}
