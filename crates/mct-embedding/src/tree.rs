//! Repulsion of many points by a quadtree (Barnes and Hut, 1986; van der Maaten, 2014): points that are far away
//! act together.

/// A cell that is seen under a smaller angle acts as one point at its centre of mass.
const ANGLE: f32 = 0.5;

/// A cell of so few points is not divided.
const LEAF: usize = 16;

/// Points at one place are divided so often at most.
const DEEPEST: usize = 40;

/// The cells of the points, each followed by those in it.
pub struct Tree {
    cells: Vec<Cell>,
    /// The coordinates in the order of the cells, and the place of each point in it.
    x: Vec<f32>,
    y: Vec<f32>,
    places: Vec<u32>,
}

struct Cell {
    /// Centre of mass.
    x: f32,
    y: f32,
    /// Its squared side, divided by the squared angle.
    reach: f32,
    /// Its points in the order of the cells.
    begin: u32,
    end: u32,
    /// The cell after those in it: its own next for a leaf.
    next: u32,
}

/// Sum of w_ij² (y_i - y_j) and of w_ij over the other points, with w = 1 / (1 + d²).
#[derive(Default)]
pub struct Repulsion {
    pub force: [f32; 2],
    pub weight: f64,
}

impl Tree {
    /// Of points at these coordinates.
    pub fn new(x: &[f32], y: &[f32]) -> Self {
        Self::with_angle(x, y, ANGLE)
    }

    fn with_angle(x: &[f32], y: &[f32], angle: f32) -> Self {
        let range = |values: &[f32]| {
            let ends = values.iter().copied();
            ends.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            })
        };
        let ((left, right), (bottom, top)) = (range(x), range(y));
        let side = (right - left).max(top - bottom).max(f32::MIN_POSITIVE);
        let mut order: Vec<u32> = (0..x.len() as u32).collect();
        let mut cells = Vec::new();
        let root = Square {
            corner: [left, bottom],
            side,
            angle,
        };
        divide(&mut cells, (x, y), &mut order, 0, root, DEEPEST);
        let mut places = vec![0; order.len()];
        for (place, point) in order.iter().enumerate() {
            places[*point as usize] = place as u32;
        }
        Self {
            cells,
            x: order.iter().map(|point| x[*point as usize]).collect(),
            y: order.iter().map(|point| y[*point as usize]).collect(),
            places,
        }
    }

    /// The repulsion of all other points on one.
    pub fn repulsion(&self, point: usize) -> Repulsion {
        let place = self.places[point] as usize;
        let (x, y) = (self.x[place], self.y[place]);
        let (mut force, mut weights) = ([0.0f32; 2], 0.0f64);
        let mut index = 0;
        while let Some(cell) = self.cells.get(index) {
            let (dx, dy) = (x - cell.x, y - cell.y);
            let squared = dx * dx + dy * dy;
            if cell.reach < squared {
                // No cell that holds the point is seen under so small an angle.
                let weight = 1.0 / (1.0 + squared);
                let together = (cell.end - cell.begin) as f32 * weight;
                weights += f64::from(together);
                force[0] += together * weight * dx;
                force[1] += together * weight * dy;
                index = cell.next as usize;
            } else if cell.next as usize == index + 1 {
                let mut sum = 0.0f32;
                for other in cell.begin as usize..cell.end as usize {
                    let (dx, dy) = (x - self.x[other], y - self.y[other]);
                    let weight = 1.0 / (1.0 + dx * dx + dy * dy);
                    sum += weight;
                    force[0] += weight * weight * dx;
                    force[1] += weight * weight * dy;
                }
                weights += f64::from(sum);
                index += 1;
            } else {
                index += 1;
            }
        }
        Repulsion {
            force,
            // The point itself, at distance zero, adds no force but a weight of one.
            weight: weights - 1.0,
        }
    }
}

/// Where a cell lies, and the angle under which it acts as one point.
struct Square {
    corner: [f32; 2],
    side: f32,
    angle: f32,
}

/// Adds the cell of these points, which begin at `begin` in the order of all, and those in it.
fn divide(
    cells: &mut Vec<Cell>,
    (x, y): (&[f32], &[f32]),
    points: &mut [u32],
    begin: usize,
    Square {
        corner,
        side,
        angle,
    }: Square,
    depth: usize,
) {
    let mean = |values: &[f32]| {
        let sum: f64 = points
            .iter()
            .map(|point| f64::from(values[*point as usize]))
            .sum();
        (sum / points.len().max(1) as f64) as f32
    };
    let own = cells.len();
    cells.push(Cell {
        x: mean(x),
        y: mean(y),
        reach: side * side / (angle * angle),
        begin: begin as u32,
        end: (begin + points.len()) as u32,
        next: 0,
    });
    if points.len() > LEAF && depth > 0 {
        let half = side / 2.0;
        let middle = [corner[0] + half, corner[1] + half];
        let quarter = |point: u32| {
            let point = point as usize;
            2 * usize::from(y[point] >= middle[1]) + usize::from(x[point] >= middle[0])
        };
        // Stable: the order of the points does not depend on how they are sorted.
        points.sort_by_key(|point| quarter(*point));
        let mut rest = points;
        let mut first = begin;
        for which in 0..4 {
            let count = rest.partition_point(|point| quarter(*point) <= which);
            let (inside, others) = rest.split_at_mut(count);
            if !inside.is_empty() {
                let corner = [
                    if which % 2 == 0 { corner[0] } else { middle[0] },
                    if which < 2 { corner[1] } else { middle[1] },
                ];
                let square = Square {
                    corner,
                    side: half,
                    angle,
                };
                divide(cells, (x, y), inside, first, square, depth - 1);
            }
            (rest, first) = (others, first + count);
        }
    }
    cells[own].next = cells.len() as u32;
}

#[cfg(test)]
mod tests {
    use super::*;
    use mct_corpus::counter::Stream;

    fn exact(x: &[f32], y: &[f32], point: usize) -> ([f64; 2], f64) {
        let (mut force, mut weights) = ([0.0; 2], 0.0);
        for other in (0..x.len()).filter(|other| *other != point) {
            let (dx, dy) = (
                f64::from(x[point] - x[other]),
                f64::from(y[point] - y[other]),
            );
            let weight = 1.0 / (1.0 + dx * dx + dy * dy);
            weights += weight;
            force[0] += weight * weight * dx;
            force[1] += weight * weight * dy;
        }
        (force, weights)
    }

    #[test]
    fn the_tree_is_near_the_sum_over_all_pairs() {
        let mut stream = Stream::new(&[1]);
        // Three clusters, two points at one place, and one far away.
        let mut points: Vec<[f32; 2]> = (0..900)
            .map(|index| {
                let centre = [[0.0, 0.0], [30.0, 5.0], [-10.0, 40.0]][index % 3];
                centre.map(|centre: f64| (centre + 4.0 * stream.normal()) as f32)
            })
            .collect();
        points.extend([[3.0, 3.0], [3.0, 3.0], [400.0, -300.0]]);
        let (x, y): (Vec<f32>, Vec<f32>) = points.iter().map(|[x, y]| (*x, *y)).unzip();
        // The smaller the angle, the nearer; of each point, of the force and of the sum of all weights.
        for (angle, [each, force, sum]) in [(ANGLE, [0.05, 0.02, 0.01]), (0.05, [1e-3, 5e-4, 1e-4])]
        {
            let tree = Tree::with_angle(&x, &y, angle);
            let (mut off, mut all, mut total) = (0.0, 0.0, (0.0, 0.0));
            for point in 0..points.len() {
                let found = tree.repulsion(point);
                let (exact_force, weight) = exact(&x, &y, point);
                assert!(
                    (found.weight - weight).abs() < each * weight,
                    "{angle}: {point}"
                );
                for (found, exact) in found.force.iter().zip(exact_force) {
                    off += (f64::from(*found) - exact).powi(2);
                    all += exact.powi(2);
                }
                total = (total.0 + found.weight, total.1 + weight);
            }
            let off = (off / all).sqrt();
            assert!(off < force, "{angle}: {off}");
            assert!((total.0 / total.1 - 1.0).abs() < sum, "{angle}: {total:?}");
        }
    }

    #[test]
    fn points_at_one_place_end_the_division() {
        let (x, y) = (vec![1.0f32; 100], vec![-2.0f32; 100]);
        let tree = Tree::new(&x, &y);
        let found = tree.repulsion(7);
        assert_eq!(found.force, [0.0; 2]);
        assert!((found.weight - 99.0).abs() < 1e-3);
    }
}
