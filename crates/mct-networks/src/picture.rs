//! Pictures of 8 bits, and parts of them at the size that a network reads.

use crate::direct;

/// A picture in RGB, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    /// `[height, width, 3]`
    rgb: Vec<u8>,
}

/// A rectangle in pixels, from the left upper to the right lower corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rectangle {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

impl Rectangle {
    pub const fn width(&self) -> f32 {
        self.right - self.left
    }

    pub const fn height(&self) -> f32 {
        self.bottom - self.top
    }

    pub const fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// The area that both share, by the area that either covers.
    pub fn intersection_over_union(&self, other: &Self) -> f32 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        let both = width.max(0.0) * height.max(0.0);
        both / (self.area() + other.area() - both)
    }
}

impl Picture {
    /// `None` where the values are not as many as the size says, or there is no pixel.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Option<Self> {
        let fits = width.checked_mul(height)?.checked_mul(3)? == rgb.len() && !rgb.is_empty();
        fits.then_some(Self { width, height, rgb })
    }

    pub const fn width(&self) -> usize {
        self.width
    }

    pub const fn height(&self) -> usize {
        self.height
    }

    /// `[height, width, 3]`, row by row.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The whole picture at another size, `[height, width, 3]`.
    pub fn thumbnail(&self, width: usize, height: usize) -> Vec<u8> {
        let all = self.shrunk([0, 0, self.width, self.height], width, height);
        all.into_iter().map(|value| value as u8).collect()
    }

    /// The part from `left`, `top` to before `right`, `bottom` at another size, `[height, width, 3]`: each
    /// pixel is the mean of those it covers.
    pub(crate) fn shrunk(
        &self,
        [left, top, right, bottom]: [usize; 4],
        width: usize,
        height: usize,
    ) -> Vec<f32> {
        let columns = covered(right - left, width);
        let rows = covered(bottom - top, height);
        let mut all = vec![0.0f32; 3 * width * height];
        let each = |(y, line): (usize, &mut [f32])| {
            let (from, to) = rows[y];
            // A row of the picture is read once.
            for row in from..to {
                let start = 3 * ((top + row) * self.width + left);
                for (x, &(from, to)) in columns.iter().enumerate() {
                    let pixels = &self.rgb[start + 3 * from..start + 3 * to];
                    let mut sum = [0u32; 3];
                    for pixel in pixels.as_chunks::<3>().0 {
                        sum[0] += u32::from(pixel[0]);
                        sum[1] += u32::from(pixel[1]);
                        sum[2] += u32::from(pixel[2]);
                    }
                    line[3 * x] += sum[0] as f32;
                    line[3 * x + 1] += sum[1] as f32;
                    line[3 * x + 2] += sum[2] as f32;
                }
            }
            for (x, &(left, right)) in columns.iter().enumerate() {
                let count = ((to - from) * (right - left)) as f32;
                line[3 * x] /= count;
                line[3 * x + 1] /= count;
                line[3 * x + 2] /= count;
            }
        };
        direct::each(&mut all, 3 * width, each);
        all
    }

    /// A square around `centre` of side `side`, turned by `angle` (radians, clockwise), as `size` times
    /// `size` pixels, a plane a colour. Black outside the picture.
    pub(crate) fn square(&self, centre: [f32; 2], side: f32, angle: f32, size: usize) -> Vec<f32> {
        let step = side / size as f32;
        // As many samples a pixel as there are pixels under it, up to a limit that no face needs.
        let samples = (step.ceil() as usize).clamp(1, 16);
        let fine = step / samples as f32;
        let (sin, cos) = angle.sin_cos();
        let mut planes = vec![0.0; 3 * size * size];
        for y in 0..size {
            for x in 0..size {
                let mut sum = [0.0f32; 3];
                for sample in 0..samples * samples {
                    let along = |whole: usize, part: usize| {
                        ((whole * samples + part) as f32 + 0.5) * fine - side / 2.0
                    };
                    let (u, v) = (along(x, sample % samples), along(y, sample / samples));
                    let place = [centre[0] + cos * u - sin * v, centre[1] + sin * u + cos * v];
                    let value = self.at(place);
                    sum.iter_mut().zip(value).for_each(|(sum, v)| *sum += v);
                }
                for (colour, sum) in sum.into_iter().enumerate() {
                    planes[(colour * size + y) * size + x] = sum / (samples * samples) as f32;
                }
            }
        }
        planes
    }

    /// The colour at a place between pixels, whose centres are at halves.
    fn at(&self, [x, y]: [f32; 2]) -> [f32; 3] {
        let (x, y) = (x - 0.5, y - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let (right, below) = (x - left, y - top);
        let mut sum = [0.0; 3];
        for (dx, dy, weight) in [
            (0.0, 0.0, (1.0 - right) * (1.0 - below)),
            (1.0, 0.0, right * (1.0 - below)),
            (0.0, 1.0, (1.0 - right) * below),
            (1.0, 1.0, right * below),
        ] {
            let (column, row) = (left + dx, top + dy);
            if column < 0.0 || row < 0.0 {
                continue;
            }
            let (column, row) = (column as usize, row as usize);
            if column < self.width && row < self.height {
                let start = 3 * (row * self.width + column);
                let pixel = &self.rgb[start..start + 3];
                let pairs = sum.iter_mut().zip(pixel);
                pairs.for_each(|(sum, &v)| *sum += weight * f32::from(v));
            }
        }
        sum
    }
}

/// The pixels under each of `to` new ones, from `from` old ones.
fn covered(from: usize, to: usize) -> Vec<(usize, usize)> {
    (0..to)
        .map(|index| (index * from / to, ((index + 1) * from).div_ceil(to)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Picture {
        let rgb = (0..4 * 2)
            .flat_map(|i| [i as u8, 10 * i as u8, 0])
            .collect();
        Picture::new(4, 2, rgb).unwrap()
    }

    #[test]
    fn a_shrunk_picture_is_the_mean_of_what_is_covered() {
        let pixels = ramp().shrunk([0, 0, 4, 2], 2, 1);
        assert_eq!(pixels, [2.5, 25.0, 0.0, 4.5, 45.0, 0.0]);
        // Three of two: the middle one covers both.
        let pixels = ramp().shrunk([1, 0, 3, 1], 3, 1);
        assert_eq!([pixels[0], pixels[3], pixels[6]], [1.0, 1.5, 2.0]);
    }

    #[test]
    fn a_square_at_the_size_of_the_picture_is_the_picture() {
        let planes = ramp().square([1.0, 1.0], 2.0, 0.0, 2);
        assert_eq!(planes[..4], [0.0, 1.0, 4.0, 5.0]);
        // A quarter turn: what was on the left is above.
        let turned = ramp().square([1.0, 1.0], 2.0, std::f32::consts::FRAC_PI_2, 2);
        for (value, expected) in turned[..4].iter().zip([1.0, 5.0, 0.0, 4.0]) {
            assert!((value - expected).abs() < 1e-4, "{turned:?}");
        }
    }

    #[test]
    fn outside_a_picture_it_is_black() {
        let planes = ramp().square([-10.0, -10.0], 2.0, 0.0, 2);
        assert_eq!(planes, [0.0; 12]);
    }
}
