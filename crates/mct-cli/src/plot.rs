//! The figures, as SVG.

use std::ops::Range;

use anyhow::{Result, anyhow};
use mct_hfr::event::{EpochRecord, Term};
use mct_hfr::metrics::Confusion;
use plotters::coord::Shift;
use plotters::prelude::*;

/// One line of a plot.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    /// Drawn dashed: a bound, not a measurement.
    pub bound: bool,
}

/// Colours that stay apart with colour blindness (Okabe and Ito, 2008).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// For more lines than that (Tol's muted scheme).
const MANY_COLOURS: [RGBColor; 9] = [
    RGBColor(51, 34, 136),
    RGBColor(136, 204, 238),
    RGBColor(68, 170, 153),
    RGBColor(153, 153, 51),
    RGBColor(221, 204, 119),
    RGBColor(136, 34, 85),
    RGBColor(17, 119, 51),
    RGBColor(170, 68, 153),
    RGBColor(204, 102, 119),
];

/// Of one of `count` lines or bars.
fn colour(index: usize, count: usize) -> RGBColor {
    if count <= COLOURS.len() {
        COLOURS[index]
    } else {
        MANY_COLOURS[index % MANY_COLOURS.len()]
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn drawn(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(unplottable)?;
        draw(&area)?;
        area.present().map_err(unplottable)?;
    }
    Ok(svg)
}

fn unplottable(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw: {error}")
}

/// Scores against the missing rate.
pub fn curves(title: &str, lines: &[Line]) -> Result<String> {
    // Curves fall to the right: the lower left stays free.
    let legend = Legend::Inside(SeriesLabelPosition::LowerLeft);
    draw_lines((title, "missing rate", "score"), 0.0..1.0, legend, lines)
}

/// A score against a setting, over the range that the values take.
pub fn sweep(title: &str, setting: &str, lines: &[Line]) -> Result<String> {
    let legend = Legend::Inside(SeriesLabelPosition::LowerRight);
    draw_lines((title, setting, "AUILC"), range(lines), legend, lines)
}

/// Scores against the missing rate, over the range that the values take.
pub fn comparison(title: &str, score: &str, lines: &[Line]) -> Result<String> {
    draw_lines(
        (title, "missing rate", score),
        range(lines),
        Legend::Beside,
        lines,
    )
}

/// The values with some room around them, to the next twentieth.
fn range(lines: &[Line]) -> Range<f64> {
    let all = lines.iter().flat_map(|line| &line.points);
    let (low, high) = all.fold((f64::MAX, f64::MIN), |(low, high), (_, y)| {
        (low.min(*y), high.max(*y))
    });
    let (low, high) = ((low * 20.0).floor() / 20.0, (high * 20.0).ceil() / 20.0);
    if low < high {
        low.max(0.0)..high
    } else {
        0.0..1.0
    }
}

/// Groups of bars, a value and its deviation in each: `bars[group][bar]`.
pub fn bars(
    title: &str,
    groups: &[&str],
    names: &[String],
    bars: &[Vec<(f64, Option<f64>)>],
) -> Result<String> {
    let all = || bars.iter().flatten();
    let high = all().fold(0.0f64, |high, (y, _)| high.max(*y));
    let low = all().fold(1.0f64, |low, (y, _)| low.min(*y));
    let bottom = ((low - 0.05) * 10.0).floor().max(0.0) / 10.0;
    let top = ((high + 0.03) * 20.0).ceil() / 20.0;
    drawn((760, 420), |area| {
        let mut chart = ChartBuilder::on(area)
            .caption(title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(30)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..groups.len() as f64, bottom..top)
            .map_err(unplottable)?;
        let label = |x: &f64| {
            let group = groups
                .get(*x as usize)
                .filter(|_| (x.fract() - 0.5).abs() < 1e-6);
            group.map_or_else(String::new, |name| (*name).to_owned())
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .x_labels(2 * groups.len() + 1)
            .x_label_formatter(&label)
            .y_desc("score")
            .label_style(("sans-serif", 13))
            .draw()
            .map_err(unplottable)?;
        let width = 0.8 / names.len() as f64;
        for (index, name) in names.iter().enumerate() {
            let fill = colour(index, names.len()).filled();
            let left = |group: usize| group as f64 + 0.1 + index as f64 * width;
            let values = bars.iter().enumerate();
            let values = values.map(|(group, bars)| (left(group), bars[index]));
            let boxes = values
                .clone()
                .map(|(x, (y, _))| Rectangle::new([(x, bottom), (x + width * 0.92, y)], fill));
            chart
                .draw_series(boxes)
                .map_err(unplottable)?
                .label(name)
                .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], fill));
            let whiskers = values.filter_map(|(x, (y, deviation))| {
                let (x, deviation) = (x + width * 0.46, deviation?);
                Some(PathElement::new(
                    [(x, (y - deviation).max(bottom)), (x, y + deviation)],
                    BLACK,
                ))
            });
            chart.draw_series(whiskers).map_err(unplottable)?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.2))
            .label_font(("sans-serif", 12))
            .draw()
            .map_err(unplottable)
    })
}

/// Where the names of lines go.
enum Legend {
    Inside(SeriesLabelPosition),
    /// For lines that fill the plot.
    Beside,
}

/// Names of lines under each other, each after a piece of its line.
fn names_beside(area: &Area<'_>, lines: &[Line]) -> Result<()> {
    for (index, line) in lines.iter().enumerate() {
        let y = 60 + 20 * index as i32;
        let style = style(index, lines).stroke_width(2);
        let ends = if line.bound {
            vec![[(4, y), (11, y)], [(15, y), (22, y)]]
        } else {
            vec![[(4, y), (22, y)]]
        };
        for ends in ends {
            area.draw(&PathElement::new(ends, style))
                .map_err(unplottable)?;
        }
        let text = Text::new(line.name.clone(), (30, y - 6), ("sans-serif", 13));
        area.draw(&text).map_err(unplottable)?;
    }
    Ok(())
}

/// The colour of one of these lines.
fn style(index: usize, lines: &[Line]) -> RGBColor {
    if lines[index].bound {
        return BLACK;
    }
    let measured = lines.iter().filter(|line| !line.bound).count();
    colour(index, measured)
}

/// Lines over common axes; the text is the title and what the axes are.
fn draw_lines(
    (title, x, y): (&str, &str, &str),
    range: Range<f64>,
    legend: Legend,
    lines: &[Line],
) -> Result<String> {
    let all = || lines.iter().flat_map(|line| &line.points);
    let (low, high) = all().fold((f64::MAX, f64::MIN), |(low, high), (x, _)| {
        (low.min(*x), high.max(*x))
    });
    // One point still needs an axis.
    let (low, high) = if low < high {
        (low, high)
    } else {
        (low - 0.5, low + 0.5)
    };
    let width = match legend {
        Legend::Inside(_) => 640,
        Legend::Beside => 780,
    };
    drawn((width, 400), |area| {
        let (area, beside) = area.split_horizontally(640);
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(52)
            .build_cartesian_2d(low..high, range)
            .map_err(unplottable)?;
        chart
            .configure_mesh()
            .x_desc(x)
            .y_desc(y)
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", 13))
            .draw()
            .map_err(unplottable)?;
        for (index, line) in lines.iter().enumerate() {
            let colour = style(index, lines);
            let style = colour.stroke_width(2);
            let points = || line.points.iter().copied();
            let series = if line.bound {
                chart.draw_series(DashedLineSeries::new(points(), 6, 4, style))
            } else {
                chart.draw_series(LineSeries::new(points(), style))
            };
            series
                .map_err(unplottable)?
                .label(&line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], style));
            if !line.bound {
                let dots = points().map(|point| Circle::new(point, 3, colour.filled()));
                chart.draw_series(dots).map_err(unplottable)?;
            }
        }
        let legend = match legend {
            Legend::Inside(position) => position,
            Legend::Beside => return names_beside(&beside, lines),
        };
        chart
            .configure_series_labels()
            .position(legend)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.2))
            .label_font(("sans-serif", 13))
            .draw()
            .map_err(unplottable)
    })
}

/// Points of several kinds in one plane without scales: `kinds` are their names and places.
pub fn scatter(title: &str, kinds: &[(&str, Vec<(f64, f64)>)]) -> Result<String> {
    let all = || kinds.iter().flat_map(|(_, points)| points);
    let bounds = |pick: fn(&(f64, f64)) -> f64| {
        let values = all().map(pick);
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        let room = 0.04 * (high - low).max(1e-9);
        low - room..high + room
    };
    drawn((360, 340), |area| {
        let mut chart = ChartBuilder::on(area)
            .caption(title, ("sans-serif", 15))
            .margin(8)
            .build_cartesian_2d(bounds(|point| point.0), bounds(|point| point.1))
            .map_err(unplottable)?;
        for (index, (name, points)) in kinds.iter().enumerate() {
            let colour = colour(index, kinds.len());
            let fill = colour.mix(0.6).filled();
            let dots = points.iter().map(|point| Circle::new(*point, 2, fill));
            chart
                .draw_series(dots)
                .map_err(unplottable)?
                .label(*name)
                .legend(move |(x, y)| Circle::new((x + 8, y), 4, colour.filled()));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.8))
            .label_font(("sans-serif", 12))
            .draw()
            .map_err(unplottable)
    })
}

/// Share of each true class (row) that is predicted as each class (column), with the counts.
pub fn confusion(title: &str, classes: &[String], counts: &Confusion) -> Result<String> {
    const CELL: i32 = 64;
    const LEFT: i32 = 110;
    const TOP: i32 = 76;
    let n = classes.len() as i32;
    let size = (LEFT + n * CELL + 16, TOP + n * CELL + 16);
    drawn((size.0 as u32, size.1 as u32), |area| {
        let text = |text: &str, at: (i32, i32), size: i32, anchor: HPos, colour: &RGBColor| {
            use plotters::style::text_anchor::{Pos, VPos};
            let style = ("sans-serif", size).into_font().color(colour);
            area.draw_text(text, &style.pos(Pos::new(anchor, VPos::Center)), at)
                .map_err(unplottable)
        };
        text(title, (LEFT, 16), 16, HPos::Left, &BLACK)?;
        text("true \\ predicted", (8, TOP - 22), 12, HPos::Left, &BLACK)?;
        for (row, class) in classes.iter().enumerate() {
            let middle = TOP + row as i32 * CELL + CELL / 2;
            text(class, (LEFT - 8, middle), 13, HPos::Right, &BLACK)?;
            let across = LEFT + row as i32 * CELL + CELL / 2;
            let lift = if n > 5 && row % 2 == 1 { 16 } else { 0 };
            text(class, (across, TOP - 10 - lift), 12, HPos::Center, &BLACK)?;
            let total: usize = counts.0[row].iter().sum();
            for (column, count) in counts.0[row].iter().enumerate() {
                let share = *count as f64 / total.max(1) as f64;
                let left = LEFT + column as i32 * CELL;
                let top = TOP + row as i32 * CELL;
                let fade = |full: u8| (255.0 - share * f64::from(255 - full)) as u8;
                let fill = RGBColor(fade(0), fade(114), fade(178));
                let corners = [(left, top), (left + CELL - 2, top + CELL - 2)];
                area.draw(&Rectangle::new(corners, fill.filled()))
                    .map_err(unplottable)?;
                let ink = if share > 0.5 { WHITE } else { BLACK };
                let middle = (left + CELL / 2, top + CELL / 2);
                let percent = format!("{:.0} %", share * 100.0);
                text(&percent, (middle.0, middle.1 - 8), 15, HPos::Center, &ink)?;
                text(
                    &count.to_string(),
                    (middle.0, middle.1 + 12),
                    11,
                    HPos::Center,
                    &ink,
                )?;
            }
        }
        Ok(())
    })
}

use plotters::style::text_anchor::HPos;

/// Losses and validation UA over the epochs.
pub fn training(history: &[EpochRecord]) -> Result<String> {
    let line = |name: &str, value: &dyn Fn(&EpochRecord) -> f64| Line {
        name: name.to_owned(),
        points: history
            .iter()
            .map(|record| ((record.epoch + 1) as f64, value(record)))
            .collect(),
        bound: false,
    };
    let loss =
        |record: &EpochRecord, term| record.losses.get(&term).copied().map_or(0.0, f64::from);
    let all = [
        line("training loss", &|r| loss(r, Term::Total)),
        line("classification", &|r| loss(r, Term::Classification)),
        line("validation loss", &|r| r.validation_loss),
        line("validation UA", &|r| r.validation.ua),
    ];
    let top = all
        .iter()
        .flat_map(|line| &line.points)
        .fold(1.0f64, |top, (_, y)| top.max(*y));
    let legend = Legend::Inside(SeriesLabelPosition::UpperRight);
    let range = 0.0..top * 1.05;
    draw_lines(("training", "epoch", "loss; UA"), range, legend, &all)
}
