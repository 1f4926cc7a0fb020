//! The utterances by what they are and how they are predicted: groups that can be selected.

use std::collections::BTreeMap;

use mct_corpus::{Cells, Sex};
use mct_engine::evaluation::CorpusCard;

use super::categories::Categories;
use super::models::Evaluated;

/// The name of a facet.
pub const RIGHT_OR_WRONG: &str = "right or wrong";

/// Utterances that have something in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    pub name: String,
    pub utterances: Vec<usize>,
    /// How many of them are predicted, and how many of these rightly.
    pub predicted: usize,
    pub right: usize,
}

/// All utterances, by one of their properties.
#[derive(Debug, Clone, PartialEq)]
pub struct Facet {
    pub name: String,
    pub slices: Vec<Slice>,
}

/// Of a text with more values there is no facet.
const MOST_VALUES: usize = 200;
/// Slices of a number.
const BINS: usize = 8;

/// What an utterance counts for in a facet of text.
type Text<'a> = Box<dyn Fn(usize) -> Option<String> + 'a>;

/// The facets of the utterances of a side. `complete` is what the same model predicts where nothing is
/// missing. A facet with a single slice says nothing, and is left out.
pub fn facets(
    card: &CorpusCard,
    categories: &Categories,
    utterances: &[usize],
    evaluated: Option<&Evaluated>,
    complete: Option<&Evaluated>,
) -> Vec<Facet> {
    let class = |class: usize| categories.names.get(class).cloned();
    let label = |index: usize| categories.label(&card.utterances[index]);
    let predicted = |index: usize| evaluated?.class_of(index);
    let right = |index: usize| Some(predicted(index)? == label(index)?);
    let changed = |index: usize| Some(predicted(index)? != complete?.class_of(index)?);
    let speaker = |index: usize| {
        let speaker = card.utterances[index].speaker?;
        card.metadata.speakers.get(speaker)
    };
    let yes_no = |yes: &'static str, no: &'static str| {
        move |is: bool| if is { yes.to_owned() } else { no.to_owned() }
    };
    let texts: [(&str, Text<'_>); 7] = [
        ("class", Box::new(move |index| class(label(index)?))),
        (
            "predicted",
            Box::new(move |index| categories.names.get(predicted(index)?).cloned()),
        ),
        (
            RIGHT_OR_WRONG,
            Box::new(move |index| right(index).map(yes_no("right", "wrong"))),
        ),
        (
            "by what is missing",
            Box::new(move |index| changed(index).map(yes_no("changed", "the same"))),
        ),
        (
            "speaker",
            Box::new(move |index| Some(speaker(index)?.name.clone())),
        ),
        (
            "sex",
            Box::new(move |index| {
                Some(match speaker(index)?.sex? {
                    Sex::Female => "female".to_owned(),
                    Sex::Male => "male".to_owned(),
                })
            }),
        ),
        (
            "session",
            Box::new(move |index| {
                card.metadata
                    .sessions
                    .get(card.utterances[index].session?)
                    .cloned()
            }),
        ),
    ];
    let order = |name: &str| categories.names.iter().position(|own| own == name);
    let mut all: Vec<Facet> = Vec::new();
    for (name, text) in &texts {
        all.extend(by_text(name, utterances, text, order));
    }
    let duration = |index: usize| card.utterances[index].duration_secs.map(f64::from);
    all.extend(by_number("seconds", utterances, duration));
    for column in &card.columns {
        all.extend(match &column.cells {
            Cells::Text(cells) => {
                let text = |index: usize| cells.get(index).cloned().flatten();
                by_text(&column.name, utterances, text, |_| None)
            }
            Cells::Number(cells) => {
                let number = |index: usize| cells.get(index).copied().flatten();
                by_number(&column.name, utterances, number)
            }
        });
    }
    for slice in all.iter_mut().flat_map(|facet| &mut facet.slices) {
        let known = slice.utterances.iter().filter_map(|index| right(*index));
        for right in known {
            slice.predicted += 1;
            slice.right += usize::from(right);
        }
    }
    all
}

fn slice((name, utterances): (String, Vec<usize>)) -> Slice {
    Slice {
        name,
        utterances,
        predicted: 0,
        right: 0,
    }
}

/// The slices of a text, classes in their order and other texts in that of their letters.
fn by_text(
    name: &str,
    utterances: &[usize],
    text: impl Fn(usize) -> Option<String>,
    order: impl Fn(&str) -> Option<usize>,
) -> Option<Facet> {
    let mut slices: BTreeMap<(Option<usize>, String), Vec<usize>> = BTreeMap::new();
    for index in utterances {
        if let Some(text) = text(*index) {
            slices.entry((order(&text), text)).or_default().push(*index);
        }
    }
    let slices = slices
        .into_iter()
        .map(|((_, name), own)| slice((name, own)));
    facet(name, slices.collect())
}

/// The slices of a number: equal parts of its range.
fn by_number(
    name: &str,
    utterances: &[usize],
    number: impl Fn(usize) -> Option<f64>,
) -> Option<Facet> {
    let known = utterances
        .iter()
        .filter_map(|index| Some((*index, number(*index)?)));
    let known: Vec<(usize, f64)> = known.filter(|(_, number)| number.is_finite()).collect();
    let (low, high) = known
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, n)| {
            (low.min(*n), high.max(*n))
        });
    let width = (high - low) / BINS as f64;
    if known.is_empty() || !width.is_finite() || width <= 0.0 {
        return None;
    }
    // As many digits as tell the ends apart.
    let digits = (1.0 - width.log10()).ceil().clamp(2.0, 9.0) as usize;
    let mut slices: Vec<(String, Vec<usize>)> = (0..BINS)
        .map(|bin| {
            let from = low + bin as f64 * width;
            (
                format!("{from:.digits$} to {:.digits$}", from + width),
                Vec::new(),
            )
        })
        .collect();
    for (index, number) in known {
        let bin = ((number - low) / width) as usize;
        slices[bin.min(BINS - 1)].1.push(index);
    }
    facet(name, slices.into_iter().map(slice).collect())
}

fn facet(name: &str, slices: Vec<Slice>) -> Option<Facet> {
    let says_something = (2..=MOST_VALUES).contains(&slices.len());
    says_something.then(|| Facet {
        name: name.to_owned(),
        slices,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fall_into_equal_parts_and_texts_into_their_values() {
        let all: Vec<usize> = (0..17).collect();
        let facet = by_number("n", &all, |index| (index != 3).then_some(index as f64)).unwrap();
        let counts: Vec<usize> = facet
            .slices
            .iter()
            .map(|own| own.utterances.len())
            .collect();
        assert_eq!(counts, [2, 1, 2, 2, 2, 2, 2, 3]);
        assert_eq!(facet.slices[0].name, "0.00 to 2.00");
        let small = by_number("n", &all, |index| Some(index as f64 * 1e-4)).unwrap();
        assert_eq!(small.slices[1].name, "0.00020 to 0.00040");
        assert_eq!(by_number("n", &all, |_| Some(1.0)), None);
        assert_eq!(by_number("n", &all, |_| Some(f64::NAN)), None);

        let text = |index: usize| Some(["sad", "happy", "odd"][index % 3].to_owned());
        let order = |text: &str| ["happy", "sad"].iter().position(|own| *own == text);
        let facet = by_text("class", &all, text, order).unwrap();
        let names: Vec<&str> = facet.slices.iter().map(|own| own.name.as_str()).collect();
        assert_eq!(names, ["odd", "happy", "sad"]);
        assert_eq!(facet.slices[1].utterances, [1, 4, 7, 10, 13, 16]);
        assert_eq!(by_text("id", &all, |_| Some("one".to_owned()), order), None);
    }
}
