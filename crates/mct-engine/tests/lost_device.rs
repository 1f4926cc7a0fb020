//! A device that is lost in the middle of a training.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::wgpu::WgpuSetup;
use burn::tensor::{Device, DeviceKind};
use mct_engine::pipeline::{Handle, Received};
use mct_engine::source::Source;
use mct_engine::training::{Begin, Request, Response, Start, Training};
use mct_hfr::config::Config;
use mct_hfr::training::{Event, FinishReason};

/// SwiftShader with its handles, before anything else has asked for it.
fn software() -> Option<WgpuSetup> {
    let options = Device::wgpu_options().device_kind(DeviceKind::Cpu);
    let found = match options.init_with_setup() {
        Ok((_, setup)) => {
            let name = setup.adapter.get_info().name;
            if name.contains("SwiftShader") {
                return Some(setup);
            }
            name
        }
        Err(error) => error.to_string(),
    };
    let message = format!("SKIPPED: a lost device needs SwiftShader; found {found}");
    assert!(
        std::env::var_os("MCT_HFR_REQUIRE_GPU").is_none(),
        "{message}"
    );
    eprintln!("\n*** {message} ***\n");
    None
}

fn config() -> Config {
    let own = [
        ("model.d", "8"),
        ("model.heads", "2"),
        ("model.layers", "1"),
        ("training.epochs", "1000"),
        ("training.batch_size", "8"),
        ("training.strategy", "complete"),
    ];
    let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let demo = Config::preset("demo").unwrap();
    demo.set("--set", &own).unwrap()
}

/// The next message, within the time that kernels take to compile.
fn next(training: &Handle<Training>) -> Received<Response> {
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_secs(300) {
        if let Some(message) = training.received().next() {
            return message;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("no message in five minutes");
}

/// Receives until `is_last`, which no end may come before.
fn until(training: &Handle<Training>, mut is_last: impl FnMut(&Response) -> bool) {
    loop {
        match next(training) {
            Received::Response(Response::Failed(message)) | Received::Died(message) => {
                panic!("{message}")
            }
            Received::Response(response) if is_last(&response) => return,
            Received::Response(_) => {}
        }
    }
}

fn train(training: &Handle<Training>, begin: Begin, folder: &Path) {
    let corpus = Source::Demo {
        seed: 1,
        scale: 0.02,
    };
    training.request(Request::Start(Box::new(Start {
        corpus,
        begin,
        folder: folder.display().to_string(),
        keep: true,
    })));
}

#[test]
fn training_goes_on_from_the_last_checkpoint_on_the_processor() {
    let Some(setup) = software() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let start = || Handle::<Training>::start("software".into(), Arc::new(|| {})).unwrap();
    let training = start();
    train(&training, Begin::New(Box::new(config())), &run);
    let mut finished = 0;
    until(&training, |response| {
        finished += usize::from(matches!(response, Response::Event(Event::Epoch(_))));
        finished == 2
    });
    setup.device.destroy();
    // It may have taken a step meanwhile; then it says that it failed and ends.
    let died = loop {
        match next(&training) {
            Received::Died(message) => break message,
            Received::Response(Response::Ended(reason)) => panic!("{reason:?}"),
            Received::Response(_) => {}
        }
    };
    assert!(died.contains("lost"), "{died}");
    drop(training);
    // As the window does: with the device that was asked for, which is no more.
    let again = start();
    train(&again, Begin::Resume(Source::Path(run.clone())), &run);
    let (mut known, mut warnings) = (0, Vec::new());
    until(&again, |response| {
        match response {
            Response::Began(_, history) => known = history.len(),
            Response::Event(Event::Warning { message }) => warnings.push(message.clone()),
            _ => {}
        }
        matches!(response, Response::Event(Event::Epoch(_)))
    });
    assert!(known >= 1, "the epochs before the loss are known");
    let is_said = warnings.iter().any(|text| text.contains("flex"));
    assert!(is_said, "{warnings:?}");
    again.request(Request::Stop);
    let mut ended = None;
    until(&again, |response| {
        if let Response::Ended(reason) = response {
            ended = Some(*reason);
        }
        ended.is_some()
    });
    assert_eq!(ended, Some(FinishReason::Interrupted));
}
