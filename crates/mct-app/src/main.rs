//! The application on the desktop.

mod graphics;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use eframe::egui::ViewportBuilder;
use mct_app::application::{Application, Options, demo_corpus};
use mct_engine::source::Source;

/// Trained on the demo corpus; `assets/rebuild.sh` rebuilds it.
const DEMO_MODEL: &[u8] = include_bytes!("../../../assets/demo-model.safetensors");
const ICON: &[u8] = include_bytes!("../../../assets/icon.png");

/// Training and evaluation of MCT-HFR, live.
#[derive(Parser)]
#[command(name = "mct-app", version)]
struct Arguments {
    /// Corpora, checkpoints, run folders, features or recordings to open instead of the demo
    files: Vec<PathBuf>,
    /// Compute device: auto, or a name that `mct-hfr devices` lists
    #[arg(long, default_value = "auto")]
    device: String,
    /// A config value for the training panel (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

fn main() -> ExitCode {
    mct_allocator::keep_memory();
    let arguments = Arguments::parse();
    if let Err(error) = mct_hfr::device::by_name(&arguments.device) {
        return fail(&error.to_string());
    }
    let options = Options {
        device: arguments.device,
        open: if arguments.files.is_empty() {
            let model = Source::Bytes {
                name: "MCT-HFR, demo".to_owned(),
                bytes: DEMO_MODEL.to_vec().into(),
            };
            vec![demo_corpus(), model]
        } else {
            arguments.files.into_iter().map(Source::Path).collect()
        },
        set: arguments.set,
        save_to: None,
        unfinished: None,
        not_kept: None,
    };
    let icon = eframe::icon_data::from_png_bytes(ICON).unwrap_or_default();
    let window = eframe::NativeOptions {
        viewport: ViewportBuilder::default()
            .with_title("MCT-HFR")
            .with_inner_size([1440.0, 900.0])
            .with_min_inner_size([720.0, 480.0])
            .with_icon(icon)
            .with_drag_and_drop(true),
        wgpu_options: graphics::configuration(),
        ..Default::default()
    };
    let run = eframe::run_native(
        "mct-app",
        window,
        Box::new(|creation| {
            #[cfg(unix)]
            close_on_signals(&creation.egui_ctx)?;
            let application = Application::new(&creation.egui_ctx, creation.storage, options)?;
            Ok(Box::new(application))
        }),
    );
    mct_app::finish_writing();
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("the window cannot be opened: {error}")),
    }
}

/// A signal that asks the program to end closes the window, which saves the training under way. Further ones,
/// which are often sent, would lose what the first one saves.
#[cfg(unix)]
fn close_on_signals(context: &eframe::egui::Context) -> std::io::Result<()> {
    use std::sync::atomic::Ordering;

    use mct_app::application::ENDING;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let context = context.clone();
    let watch = move || {
        let mut interrupts = 0;
        for signal in signals.forever() {
            interrupts += u8::from(signal == SIGINT);
            if interrupts > 1 {
                // Ctrl-C twice: at once.
                std::process::exit(130);
            }
            ENDING.store(true, Ordering::SeqCst);
            context.request_repaint();
        }
    };
    let thread = std::thread::Builder::new().name("signals".to_owned());
    thread.spawn(watch).map(drop)
}

fn fail(message: &str) -> ExitCode {
    writeln!(std::io::stderr(), "error: {message}").ok();
    ExitCode::FAILURE
}
