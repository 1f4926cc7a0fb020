//! Times each network on ten seconds of sound, a sentence or a picture: `networks FULL WEIGHTS PICTURE`,
//! one line of JSON; with a further argument those alone whose name begins with it. FULL is what `tests/reference/networks.py full` writes; PyTorch's times come from
//! `tests/reference/networks_benchmark.py`, and both in turns from `tests/reference/networks_benchmark.sh`.
#![allow(clippy::print_stdout)] // its output is the result

use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::Device;
use mct_networks::Picture;
use mct_networks::bert::Bert;
use mct_networks::expression::Expression;
use mct_networks::mtcnn::Mtcnn;
use mct_networks::resemblyzer::Resemblyzer;
use mct_networks::resnet::{self, ResNet, Style};
use mct_networks::silero::Silero;
use mct_networks::wav2vec::{Output, Wav2Vec};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    mct_allocator::keep_memory();
    let mut paths = std::env::args_os().skip(1).map(PathBuf::from);
    let mut path = || paths.next().unwrap_or_default();
    let (full, weights, picture) = (path(), path(), path());
    let only = path().display().to_string();
    let device = Device::flex();
    let sound: Vec<f32> = (0..160_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 16) as f32 / 65536.0 - 0.5)
        .collect();
    let mut times = Vec::new();
    let mut time = |name: &str, work: &mut dyn FnMut()| {
        work();
        let mut all: Vec<f64> = (0..5)
            .map(|_| {
                let start = Instant::now();
                work();
                start.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        all.sort_by(f64::total_cmp);
        times.push(format!("\"{name}\": {:.2}", all[2]));
    };
    let begins = |name: &str| name.starts_with(&only);
    if begins("MiniLM") {
        let minilm = Bert::open(&weights.join("minilm"), &device)?;
        let text = "I am so happy that you could come to see us here today, and I mean it.";
        time("MiniLM", &mut || drop(minilm.extract(text, false)));
    }
    if begins("Silero") {
        let silero = weights.join("silero/silero_vad_16k.safetensors");
        let silero = Silero::open(&silero, &device)?;
        time("Silero", &mut || drop(silero.extract(&sound)));
    }
    if begins("Resemblyzer") {
        let resemblyzer = weights.join("resemblyzer/pretrained.pt");
        let resemblyzer = Resemblyzer::open(&resemblyzer, &device)?;
        time("Resemblyzer", &mut || {
            drop(resemblyzer.extract(&sound[..40_000], 1));
        });
    }
    if begins("wav2vec 2.0") {
        let wav2vec = Wav2Vec::open(&full.join("wav2vec2"), &device)?;
        time("wav2vec 2.0, encoder", &mut || {
            drop(wav2vec.extract(&sound, Output::Convolution));
        });
        time("wav2vec 2.0, layer 12", &mut || {
            drop(wav2vec.extract(&sound, Output::Layer(12)));
        });
    }
    let faces = vec![100.0; 8 * 3 * resnet::SIZE * resnet::SIZE];
    if begins("ResNet-50") {
        let path = full.join("resnet-caffe/model.safetensors");
        let resnet = ResNet::open(&path, Style::Caffe, &device)?;
        time("ResNet-50, 8 faces", &mut || {
            drop(resnet.extract(&faces, resnet::SIZE, 4));
        });
    }
    if begins("expression") {
        let expression = weights.join("expression/face_expression_model-weights_manifest.json");
        let expression = Expression::open(&expression, &device)?;
        time("expression, 8 faces", &mut || {
            drop(expression.extract(&faces[..8 * 3 * 112 * 112]));
        });
    }
    if begins("MTCNN") {
        let mtcnn = Mtcnn::open(&weights.join("mtcnn"), &device)?;
        let picture = image::open(picture)?.to_rgb8();
        let (width, height) = picture.dimensions();
        let picture = Picture::new(width as usize, height as usize, picture.into_raw());
        let picture = picture.ok_or("an empty picture")?;
        time("MTCNN", &mut || drop(mtcnn.detect(&picture, 20)));
    }
    println!("{{{}}}", times.join(", "));
    Ok(())
}
