//! Faces in real clips, beside those that facenet-pytorch finds: `tests/reference/networks.py clips` wrote
//! them into the folder that `MCT_HFR_NETWORKS` names.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use mct_extractors::{Extractor, Extractors};
use mct_networks::{Device, Picture, Rectangle};
use mct_recordings::{Ffmpeg, Frame};

#[test]
fn faces_are_where_the_reference_finds_them() {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(weights), Some(data), Some(reference)) = (
        folder("MCT_HFR_WEIGHTS"),
        folder("MCT_HFR_DATA"),
        folder("MCT_HFR_NETWORKS"),
    ) else {
        eprintln!(
            "*** SKIPPED: faces in clips need MCT_HFR_WEIGHTS, MCT_HFR_DATA and MCT_HFR_NETWORKS ***"
        );
        return;
    };
    let reference = std::fs::read(reference.join("clips.json")).unwrap();
    type Faces = Vec<Option<[f32; 4]>>;
    let reference: BTreeMap<String, Faces> = serde_json::from_slice(&reference).unwrap();
    let extractors = [Extractor::Expression];
    let extractors = Extractors::load(&extractors, &weights, &Device::flex()).unwrap();
    assert!(!reference.is_empty());
    for (name, expected) in reference {
        let mut found: Vec<Option<Rectangle>> = Vec::new();
        let take = |frame: Frame| {
            let picture = Picture::new(frame.width, frame.height, frame.rgb).unwrap();
            found.push(extractors.face(&picture).map(|face| face.rectangle));
        };
        let path = data.join("clips").join(&name);
        Ffmpeg::default().frames(&path, None, take).unwrap();
        assert_eq!(found.len(), expected.len(), "{name}");
        let (mut least, mut overlapping, mut both, mut alone) = (1.0f32, 0, 0, 0);
        for (found, expected) in found.iter().zip(&expected) {
            match (found, expected) {
                (Some(found), Some([left, top, right, bottom])) => {
                    let (left, top, right, bottom) = (*left, *top, *right, *bottom);
                    let expected = Rectangle {
                        left,
                        top,
                        right,
                        bottom,
                    };
                    let overlap = found.intersection_over_union(&expected);
                    least = least.min(overlap);
                    overlapping += usize::from(overlap >= 0.6);
                    both += 1;
                }
                (None, None) => {}
                _ => alone += 1,
            }
        }
        let with = found.iter().flatten().count();
        println!(
            "{name}: a face in {with} of {} pictures; overlap {least:.3} at least; {alone} by one alone",
            found.len()
        );
        assert_eq!(overlapping, both, "{name}");
        assert!(alone * 50 <= found.len(), "{name}: {alone} by one alone");
        let share = with as f32 / found.len() as f32;
        if name.starts_with("grid") || name.starts_with("mead") {
            assert!(share >= 0.95, "{name}: {share}");
        }
        if name == "no_face/no_face.mp4" {
            assert_eq!(with, 0, "{name}: a face was invented");
        }
    }
}

/// Where cargo has put the model that rustface carries.
fn second_model() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
    let sources = std::fs::read_dir(home.join("registry/src")).ok()?;
    let model = "rustface-0.1.7/model/seeta_fd_frontal_v1.0.bin";
    let mut models = sources.flatten().map(|own| own.path().join(model));
    models.find(|path| path.is_file())
}

/// Another detector, of another kind and without networks, which sees only faces from the front.
#[test]
fn a_second_detector_finds_the_same_faces() {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(weights), Some(data), Some(model)) = (
        folder("MCT_HFR_WEIGHTS"),
        folder("MCT_HFR_DATA"),
        second_model(),
    ) else {
        eprintln!(
            "*** SKIPPED: a second opinion needs MCT_HFR_WEIGHTS, MCT_HFR_DATA and rustface's model ***"
        );
        return;
    };
    let extractors = [Extractor::Expression];
    let extractors = Extractors::load(&extractors, &weights, &Device::flex()).unwrap();
    let mut second = rustface::create_detector(model.to_str().unwrap()).unwrap();
    second.set_min_face_size(40);
    second.set_score_thresh(2.0);
    let (mut both, mut ours, mut theirs) = (0, 0, 0);
    for clip in [
        "grid/bbaf2n.mpg",
        "grid/lrwp9a.mpg",
        "mead/W040_level_3_happy_029.mp4",
        "no_face/no_face.mp4",
    ] {
        let mut number = 0;
        let take = |frame: Frame| {
            number += 1;
            // One a second: this detector takes its time.
            if number % 5 != 1 {
                return;
            }
            let picture = Picture::new(frame.width, frame.height, frame.rgb).unwrap();
            let found = extractors.face(&picture).map(|face| face.rectangle);
            // A side of at most 480 is enough for it.
            let shrink = picture.height().div_ceil(480).max(1);
            let (width, height) = (picture.width() / shrink, picture.height() / shrink);
            let small = picture.thumbnail(width, height);
            let pixels = small.as_chunks::<3>().0.iter();
            let grey =
                pixels.map(|p| ((u32::from(p[0]) + u32::from(p[1]) + u32::from(p[2])) / 3) as u8);
            let grey: Vec<u8> = grey.collect();
            let image = rustface::ImageData::new(&grey, width as u32, height as u32);
            let faces = second.detect(&image);
            let largest = faces.iter().max_by_key(|face| face.bbox().width());
            let other = largest.map(|face| {
                let own = face.bbox();
                let at = |value: i32| (value * shrink as i32) as f32;
                Rectangle {
                    left: at(own.x()),
                    top: at(own.y()),
                    right: at(own.x() + own.width() as i32),
                    bottom: at(own.y() + own.height() as i32),
                }
            });
            ours += usize::from(found.is_some());
            theirs += usize::from(other.is_some());
            if let (Some(found), Some(other)) = (found, other) {
                // It draws squares, ours are upright: half is much.
                both += usize::from(found.intersection_over_union(&other) > 0.4);
            }
        };
        let path = data.join("clips").join(clip);
        Ffmpeg::default().frames(&path, None, take).unwrap();
    }
    println!(
        "a face in {ours} pictures by MTCNN, in {theirs} by rustface, in {both} at the same place"
    );
    assert!(ours >= 10, "{ours}");
    assert!(
        both * 10 >= ours * 9 && theirs * 10 <= ours * 11,
        "{both} of {ours}, {theirs}"
    );
}
