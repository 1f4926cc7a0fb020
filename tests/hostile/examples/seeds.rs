//! `seeds FORMAT FOLDER`: writes the seeds of a format as files, for a fuzzer to start from.
#![allow(clippy::expect_used, clippy::panic)]

use std::path::Path;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, folder] = arguments.as_slice() else {
        panic!("seeds FORMAT FOLDER");
    };
    std::fs::create_dir_all(folder).expect("a folder");
    let seeds = (mct_hostile::Format::named(name).seeds)();
    for (index, seed) in seeds.iter().enumerate() {
        std::fs::write(Path::new(folder).join(format!("seed-{index}")), seed).expect("a file");
    }
}
