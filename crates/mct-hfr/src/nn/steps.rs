//! The steps of a sequence, one by one, for recurrent layers.

use burn::tensor::Tensor;

/// `[batch, time, width]` to `time` times `[batch, width]`.
///
/// By halves: in the backward pass each slice costs a gradient as large as what it is cut from, so that steps
/// cut out one by one would cost `time` gradients of the whole sequence, where halves cost `log2(time)`.
pub fn steps(sequence: Tensor<3>) -> Vec<Tensor<2>> {
    let mut steps = Vec::with_capacity(sequence.dims()[1]);
    halve(sequence, &mut steps);
    steps
}

fn halve(sequence: Tensor<3>, steps: &mut Vec<Tensor<2>>) {
    let [batch, time, width] = sequence.dims();
    if time == 1 {
        steps.push(sequence.reshape([batch, width]));
        return;
    }
    let half = time / 2;
    halve(sequence.clone().narrow(1, 0, half), steps);
    halve(sequence.narrow(1, half, time - half), steps);
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    #[test]
    fn steps_are_those_of_the_sequence_and_so_are_their_gradients() {
        let device = Device::flex().autodiff();
        for time in [1, 2, 3, 7, 8] {
            let count = 2 * time * 3;
            let values: Vec<f32> = (0..count).map(|value| value as f32).collect();
            let data = TensorData::new(values.clone(), [2, time, 3]);
            let sequence = Tensor::<3>::from_data(data, &device).require_grad();
            let steps = super::steps(sequence.clone());
            assert_eq!(steps.len(), time);
            let stacked: Tensor<3> = Tensor::stack(steps, 1);
            assert_eq!(stacked.to_data().try_to_vec::<f32>().unwrap(), values);
            let gradients = stacked.powi_scalar(2).sum().backward();
            let gradient = sequence.grad(&gradients).unwrap().to_data();
            let doubled: Vec<f32> = values.iter().map(|value| 2.0 * value).collect();
            assert_eq!(gradient.try_to_vec::<f32>().unwrap(), doubled);
        }
    }
}
