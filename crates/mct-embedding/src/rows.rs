//! The same work for every row: natively on all threads, in a browser, which has one thread, in order.

#[cfg(not(target_arch = "wasm32"))]
/// The results of `compute` for the rows below `count`, in their order.
pub fn each_row<T: Send>(count: usize, compute: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    use rayon::prelude::*;

    (0..count)
        .into_par_iter()
        .with_min_len(16)
        .map(compute)
        .collect()
}

#[cfg(target_arch = "wasm32")]
/// The results of `compute` for the rows below `count`, in their order.
pub fn each_row<T>(count: usize, compute: impl Fn(usize) -> T) -> Vec<T> {
    (0..count).map(compute).collect()
}
