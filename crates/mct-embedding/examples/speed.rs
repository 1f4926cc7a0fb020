//! `cargo run --release --example speed [POINTS]`: steps of t-SNE per second.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use mct_corpus::counter::Stream;
use mct_embedding::{Settings, Tsne};

fn main() {
    let argument = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let points: usize = argument.unwrap_or(3000);
    let mut stream = Stream::new(&[1]);
    let vectors: Vec<Vec<f32>> = (0..points)
        .map(|_| (0..192).map(|_| stream.normal() as f32).collect())
        .collect();
    let start = Instant::now();
    #[allow(clippy::expect_used)]
    let mut tsne = Tsne::new(&vectors, Settings::for_points(points)).expect("vectors are sound");
    let prepared = start.elapsed();
    let start = Instant::now();
    for _ in 0..200 {
        tsne.step();
    }
    println!(
        "{points} points, 192 numbers each, {} threads: affinities {:.2} s, {:.0} steps per second",
        std::thread::available_parallelism().map_or(1, usize::from),
        prepared.as_secs_f64(),
        200.0 / start.elapsed().as_secs_f64()
    );
}
