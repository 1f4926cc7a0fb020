//! The same work for every row: natively on all threads, in a browser, which has one, in order.

#[cfg(not(target_arch = "wasm32"))]
pub fn each_row<T: Send>(count: usize, of: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    use rayon::prelude::*;

    (0..count)
        .into_par_iter()
        .with_min_len(16)
        .map(of)
        .collect()
}

#[cfg(target_arch = "wasm32")]
pub fn each_row<T>(count: usize, of: impl Fn(usize) -> T) -> Vec<T> {
    (0..count).map(of).collect()
}
