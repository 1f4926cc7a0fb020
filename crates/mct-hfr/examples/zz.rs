use burn::nn::*;
use burn::tensor::activation::*;
use burn::tensor::*;
use mct_hfr::device;
fn t<const D: usize>(s: [usize; D], seed: u64, d: &Device) -> Tensor<D> {
    let n: usize = s.iter().product();
    let v: Vec<f32> = (0..n)
        .map(|i| (((i as u64 * 7919 + seed * 104729) % 1009) as f32 / 504.5) - 1.0)
        .collect();
    Tensor::from_data(TensorData::new(v, s), d)
}
fn v<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().try_to_vec::<f32>().unwrap()
}
fn main() {
    let g = device::by_name(&std::env::args().nth(1).unwrap())
        .unwrap()
        .device;
    let c = Device::flex();
    let cmp = |n: &str, f: &dyn Fn(&Device) -> Vec<f32>| {
        let (a, b) = (f(&g), f(&c));
        let s = b.iter().fold(1e-9f32, |m, x| m.max(x.abs()));
        let e = a
            .iter()
            .zip(&b)
            .fold(0f32, |m, (x, y)| m.max((x - y).abs()));
        println!(
            "{n}: {:.1e}  {:?} {:?}",
            e / s,
            &a[..3.min(a.len())],
            &b[..3.min(b.len())]
        );
    };

    cmp("n32", &|d| {
        v(t([5, 12, 8], 1, d).matmul(t([1, 8, 32], 2, d)))
    });
    cmp("n32 + bias", &|d| {
        v(t([5, 12, 8], 1, d).matmul(t([1, 8, 32], 2, d)) + t([1, 1, 32], 3, d))
    });
    cmp("n8 + bias", &|d| {
        v(t([5, 12, 8], 1, d).matmul(t([1, 8, 8], 2, d)) + t([1, 1, 8], 3, d))
    });
    cmp("n8 + bias no bcast", &|d| {
        v(t([1, 60, 8], 1, d).matmul(t([1, 8, 8], 2, d)) + t([1, 1, 8], 3, d))
    });
    cmp("2d + bias", &|d| {
        v(t([60, 8], 1, d).matmul(t([8, 8], 2, d)) + t([1, 8], 3, d))
    });
    cmp("2d 32 + bias", &|d| {
        v(t([60, 8], 1, d).matmul(t([8, 32], 2, d)) + t([1, 32], 3, d))
    });
    cmp("2d 64 + bias", &|d| {
        v(t([64, 64], 1, d).matmul(t([64, 64], 2, d)) + t([1, 64], 3, d))
    });
    cmp("2d 64", &|d| v(t([64, 64], 1, d).matmul(t([64, 64], 2, d))));
    cmp("3d 64 batch", &|d| {
        v(t([5, 64, 64], 1, d).matmul(t([1, 64, 64], 2, d)))
    });
    cmp("3d 64 batch both", &|d| {
        v(t([5, 64, 64], 1, d).matmul(t([5, 64, 64], 2, d)))
    });
    cmp("3d 64x100 batch", &|d| {
        v(t([5, 100, 64], 1, d).matmul(t([1, 64, 256], 2, d)))
    });
}
