//! Small files that claim to be large, or that unfold to many times their size: each has to be refused, in
//! words that are short.

use std::io::{Cursor, Write as _};

use burn::tensor::Device;
use mct_corpus::{ModalityBuilder, Precision, demo};
use mct_hfr::config::Config;
use mct_hfr::training::{Checkpoint, Precision as Stored, Trainer};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What the file does, its format, and its bytes.
pub type Crafted = (&'static str, &'static str, Vec<u8>);

const MEGA: usize = 1_000_000;

/// All of them.
pub fn all() -> Vec<Crafted> {
    let mut all = vec![
        (
            "a shape without values",
            "npz",
            npz(&[
                ("id", npy("<U4", &[3_000_000], &[])),
                ("audio", npy("<f4", &[3_000_000, 1, 1], &[])),
            ]),
        ),
        (
            "a shape that no memory holds",
            "npz",
            npz(&[("audio", npy("<f4", &[1_000_000_000_000, 1, 1], &[]))]),
        ),
        (
            "one label of many texts",
            "npz",
            npz(&[
                ("id", npy("|S1", &[1], b"a")),
                ("label", npy("|S1", &[1, 20 * MEGA], &vec![0; 20 * MEGA])),
                ("audio", npy("<f4", &[1, 1, 1], &[0; 4])),
            ]),
        ),
        (
            "many numbers for one label",
            "npz",
            npz(&[
                ("id", npy("|S1", &[1], b"a")),
                ("label", npy("|u1", &[1, 20 * MEGA], &vec![0; 20 * MEGA])),
                ("audio", npy("<f4", &[1, 1, 1], &[0; 4])),
            ]),
        ),
        (
            "zeros that unpack",
            "npz",
            npz(&[("audio", npy("<f4", &[1, 20 * MEGA, 1], &vec![0; 80 * MEGA]))]),
        ),
        (
            "cells of one letter",
            "table",
            [
                b"id,a,b,c,d,e,f,g\n".to_vec(),
                b"1,2,3,4,5,6,7,8\n".repeat(MEGA),
            ]
            .concat(),
        ),
        (
            "one file for every utterance",
            "table",
            one_file_many_times(),
        ),
        (
            "a shape without values, pickled",
            "pickle",
            dict(&[("audio", array(&[1_000_000_000_000, 1, 1], "f4", b""))]),
        ),
        (
            "one array for every utterance",
            "pickle",
            one_array_many_times(),
        ),
        ("a long type that many arrays share", "pickle", long_type()),
        ("a long key that many entries share", "pickle", long_key()),
        ("many fields", "pickle", many_fields()),
        (
            "a memo without end",
            "pickle",
            [b"N".to_vec(), vec![0x94; 10 * MEGA]].concat(),
        ),
        ("marks without end", "pickle", vec![b'('; 10 * MEGA]),
        ("empty lists", "pickle", vec![b']'; 10 * MEGA]),
        (
            "copies of one value",
            "pickle",
            [b"N".to_vec(), vec![b'2'; 30 * MEGA]].concat(),
        ),
        (
            "a long name of a function",
            "pickle",
            [&b"c"[..], &vec![b'x'; 5 * MEGA], b"\ny\n."].concat(),
        ),
    ];
    all.extend(corpora());
    all.extend(checkpoints());
    all
}

/// An `.npz`, deflated.
fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in arrays {
        writer.start_file(format!("{name}.npy"), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(crate) fn npy(code: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let extents: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
    let header = format!("{{'descr': '{code}', 'fortran_order': False, 'shape': ({extents}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// The table names `b.npy` for each utterance.
fn one_file_many_times() -> Vec<u8> {
    let lines = (0..4000).map(|index| format!("u{index},b.npy\n"));
    let table: String = ["id,audio\n".to_owned()].into_iter().chain(lines).collect();
    table.into_bytes()
}

/// Text as protocol 2 writes it.
fn text(text: &str) -> Vec<u8> {
    let length = (text.len() as u32).to_le_bytes();
    [b"X", &length[..], text.as_bytes()].concat()
}

/// A numpy array as protocol 2 writes it.
fn array(shape: &[i64], code: &str, data: &[u8]) -> Vec<u8> {
    let mut out =
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01("
            .to_vec();
    for extent in shape {
        out.extend(b"\x8a\x08");
        out.extend(extent.to_le_bytes());
    }
    out.extend(b"tcnumpy\ndtype\n");
    out.extend(text(code));
    out.extend(b"K\x00K\x01\x87R\x89B");
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out.extend(b"tb");
    out
}

/// A pickled dict.
fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = b"\x80\x02}(".to_vec();
    for (key, value) in entries {
        out.extend(text(key));
        out.extend(value);
    }
    out.extend(b"u.");
    out
}

fn one_array_many_times() -> Vec<u8> {
    let values = array(&[1000, 50], "f4", &[7; 200_000]);
    let list = |first: Vec<u8>| {
        let again = b"h\x00".repeat(1999);
        [&b"]("[..], &first, b"q\x00", &again, b"e"].concat()
    };
    let ids: Vec<u8> = (0..2000)
        .flat_map(|index| text(&index.to_string()))
        .collect();
    dict(&[
        ("id", [&b"]("[..], &ids, b"e"].concat()),
        ("audio", list(values)),
    ])
}

fn long_type() -> Vec<u8> {
    let code = format!("S{}5", "0".repeat(MEGA));
    let mut out = [&b"\x80\x02"[..], &text(&code), b"q\x00"].concat();
    for _ in 0..20_000 {
        out.extend(b"cnumpy\ndtype\nh\x00K\x00K\x01\x87R0");
    }
    out.push(b'.');
    out
}

fn long_key() -> Vec<u8> {
    let mut out = [&b"\x80\x02}("[..], &text(&"k".repeat(MEGA)), b"q\x00Nh\x00"].concat();
    out.extend(b"Nh\x00".repeat(40_000));
    out.extend(b"Nu.");
    out
}

fn many_fields() -> Vec<u8> {
    let fields: Vec<(String, Vec<u8>)> = (0..60_000)
        .map(|index| (format!("f{index}"), b"K\x01".to_vec()))
        .collect();
    let mut fields: Vec<(&str, Vec<u8>)> = {
        let fields = fields.iter();
        fields
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect()
    };
    fields.push(("audio", array(&[1, 1, 1], "f4", &[0; 4])));
    dict(&fields)
}

fn corpora() -> Vec<Crafted> {
    let mut wide = demo::generate(1, 0.01).unwrap();
    let own = &wide.modalities[0];
    let mut builder = ModalityBuilder::new(own.name.clone(), 1 << 40, Precision::F32);
    for _ in 0..wide.len() {
        builder.push(&[]);
    }
    wide.modalities[0] = builder.build();
    wide.metadata.process = None;
    vec![(
        "features without a step",
        "container",
        wide.to_bytes().unwrap(),
    )]
}

fn checkpoints() -> Vec<Crafted> {
    let corpus = demo::generate(1, 0.02).unwrap();
    let config = Config::preset("demo").unwrap();
    let trainer = Trainer::new(&corpus, config, &Device::flex()).unwrap();
    let small = pollster::block_on(trainer.checkpoint()).unwrap();
    let bytes = |checkpoint: &Checkpoint| checkpoint.to_bytes(Stored::F32).unwrap();
    let mut huge = small.clone();
    huge.config.model.d = 4096;
    huge.config.model.layers = 64;
    huge.config.model.decoder_layers = 64;
    for modality in huge.config.model.modality.values_mut() {
        modality.max_steps = mct_hfr::config::MaxSteps::Most(100_000);
    }
    let mut wide = small;
    for modality in &mut wide.interface.modalities {
        modality.features = 1 << 40;
    }
    vec![
        ("a model without its values", "checkpoint", bytes(&huge)),
        ("features without their values", "checkpoint", bytes(&wide)),
    ]
}
