//! `cargo run --release --example latency [DEVICE] [TURNS]`: latency of a confusion matrix
//! from request to response, on the test set of the full-size demo corpus.
#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use mct_corpus::missing::Missing;
use mct_engine::evaluation::{Conditions, Evaluation, ModelId, Predict, Request, Response, Side};
use mct_engine::pipeline::{Handle, Received};
use mct_engine::source::Source;
use mct_hfr::config::Config;
use mct_hfr::device::Device;
use mct_hfr::training::{Precision, Trainer};

const MODEL: ModelId = ModelId(1);

fn main() -> Result<(), String> {
    mct_allocator::keep_memory();
    let mut arguments = std::env::args().skip(1);
    let device = arguments.next().unwrap_or_else(|| "flex".to_owned());
    let turns = arguments.next().and_then(|text| text.parse().ok());
    let turns: u64 = turns.unwrap_or(30);
    let text = |error: mct_hfr::Error| error.to_string();
    let demo = Source::Demo {
        seed: 1,
        scale: 1.0,
    };
    // The latency does not depend on the weights.
    let corpus = pollster::block_on(demo.corpus())?;
    let config = Config::preset("demo").map_err(text)?;
    let trainer = Trainer::new(&corpus, config, &Device::flex()).map_err(text)?;
    let checkpoint = pollster::block_on(trainer.checkpoint()).map_err(text)?;
    let bytes = checkpoint.to_bytes(Precision::F32).map_err(text)?;

    let handle = Handle::<Evaluation>::start(device.clone(), Arc::new(|| {}))?;
    handle.request(Request::Open {
        source: demo,
        model: MODEL,
    });
    handle.request(Request::Open {
        source: Source::Bytes {
            name: "demo".into(),
            bytes: bytes.into(),
        },
        model: MODEL,
    });
    let mut millis = Vec::new();
    let mut utterances = 0;
    for turn in 0..turns {
        let requested = Instant::now();
        let rate = (turn % 10) as f64 / 10.0;
        handle.request(Request::Predict(Predict {
            ticket: turn,
            model: MODEL,
            side: Side::Test,
            conditions: Conditions {
                missing: Missing::uniform(rate, 3),
                mask_seed: 1,
            },
        }));
        utterances = await_predictions(&handle)?;
        millis.push(requested.elapsed().as_secs_f64() * 1e3);
    }
    // The first turn opens corpus and model, and warms up.
    let mut remaining = millis.split_off(1);
    remaining.sort_by(f64::total_cmp);
    println!(
        "{device}, {} threads, {utterances} utterances: first {:.0} ms, then median {:.0} ms, 95th \
         percentile {:.0} ms, most {:.0} ms",
        std::thread::available_parallelism().map_or(1, usize::from),
        millis[0],
        remaining[remaining.len() / 2],
        remaining[remaining.len() * 95 / 100],
        remaining[remaining.len() - 1],
    );
    Ok(())
}

/// Waits for the predictions; returns the number of utterances.
fn await_predictions(handle: &Handle<Evaluation>) -> Result<usize, String> {
    loop {
        for received in handle.received() {
            match received {
                Received::Response(Response::Predicted(predictions)) => {
                    return Ok(predictions.utterances.len());
                }
                Received::Response(
                    Response::Failed { message, .. } | Response::Refused { message, .. },
                )
                | Received::Died(message) => return Err(message),
                Received::Response(_) => {}
            }
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}
