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
