//! What the labels of a file are: classes, intensities, or neither.

use std::collections::BTreeMap;

use super::Options;
use super::field::{Field, Values, written};
use crate::bins::Scale;
use crate::error::Finding;
use crate::metadata::{Target, Task};

/// More distinct whole numbers than this are intensities.
const MOST_NUMBERED_CLASSES: usize = 32;
/// More distinct texts than this are no classes.
const MOST_CLASSES: usize = 256;

/// The label fields of a file, the one to prefer first.
#[derive(Debug, Default)]
pub(super) struct LabelFields {
    pub fields: Vec<Field>,
    /// Names of the classes, in the order of their numbers.
    pub class_names: Option<Vec<String>>,
    /// Of the intensities.
    pub target_names: Option<Vec<String>>,
}

/// Labels of `n` utterances.
#[derive(Debug, Default)]
pub(super) struct Labels {
    pub classes: Vec<String>,
    pub labels: Vec<Option<usize>>,
    pub targets: Vec<Target>,
    /// `[utterance][target]`.
    pub values: Vec<Vec<Option<f32>>>,
}

/// Class names, and the class of each utterance.
type Classes = (Vec<String>, Vec<Option<usize>>);

/// Reads the labels of `n` utterances. `notes` gets what a user may not expect, `unused` the fields that
/// hold neither.
///
/// # Errors
/// When a field cannot be read as the options ask, or holds several classes for an utterance.
pub(super) fn read(
    found: LabelFields,
    n: usize,
    options: &Options,
    notes: &mut Vec<String>,
    unused: &mut Vec<Field>,
) -> Result<Labels, Finding> {
    let names = options.class_names.as_ref().or(found.class_names.as_ref());
    let mut classes: Option<Classes> = None;
    let mut intensities: Vec<(String, Vec<f64>)> = Vec::new();
    let fields: Vec<(Field, Option<Task>)> = found
        .fields
        .into_iter()
        .map(|field| {
            let values = field.values.parsed();
            let natural = natural(&values);
            (Field::new(field.name, values), natural)
        })
        .collect();
    // What is asked for settles fields that could be both, unless another one is it by itself.
    let is_there = |task| fields.iter().any(|(_, natural)| *natural == Some(task));
    let asked = options.task;
    let asked = asked.filter(|task| !options.labels.is_empty() || !is_there(*task));
    for (field, natural) in fields {
        field.require_length(n)?;
        let is_text = matches!(field.values, Values::Texts(_));
        let named = options.labels.contains(&field.name);
        match natural.map(|natural| asked.unwrap_or(natural)) {
            Some(Task::Classification) if classes.is_none() => {
                classes = Some(as_classes(&field, names)?);
            }
            Some(Task::Regression) if !is_text => intensities.extend(as_intensities(field)),
            Some(Task::Regression) if named => {
                let expected = "numbers (text is no intensity)";
                return Err(Finding::new(&field.name, "text", expected));
            }
            _ => unused.push(field),
        }
    }
    name_targets(&mut intensities, found.target_names, options)?;
    let mut targets = Vec::new();
    for (name, values) in &intensities {
        targets.push(Target {
            name: name.clone(),
            range: scale(name, values, options.range)?,
        });
    }
    if let Some(bins) = options.bins {
        classes = Some(binned(bins, &targets, &intensities, names)?);
    } else if classes.is_none() && !targets.is_empty() {
        notes.push(intensities_only(&targets, &intensities));
    }
    let (mut classes, labels) = classes.unwrap_or_else(|| (Vec::new(), vec![None; n]));
    if classes.is_empty() && targets.is_empty() {
        // Unlabelled clips may still name the classes of a model.
        classes = names.cloned().unwrap_or_default();
    }
    let unlabelled = labels.iter().filter(|label| label.is_none()).count();
    if !classes.is_empty() && unlabelled > 0 {
        notes.push(format!("{unlabelled} of {n} utterances have no class"));
    }
    let known = |value: f64| Some(value as f32).filter(|value| value.is_finite());
    let of_utterance = |index: usize| {
        let values = intensities.iter();
        values.map(|(_, values)| known(values[index])).collect()
    };
    Ok(Labels {
        classes,
        labels,
        targets,
        values: (0..n).map(of_utterance).collect(),
    })
}

/// What values are by themselves; `None` where all are empty.
fn natural(values: &Values) -> Option<Task> {
    match values {
        Values::Numbers(numbers) => {
            let distinct = distinct(numbers);
            let whole = distinct.iter().all(|value| value.fract() == 0.0);
            match distinct.len() {
                0 => None,
                1..=MOST_NUMBERED_CLASSES if whole => Some(Task::Classification),
                _ => Some(Task::Regression),
            }
        }
        Values::Texts(texts) => {
            let some = texts.iter().any(|text| !text.trim().is_empty());
            some.then_some(Task::Classification)
        }
        Values::Rows { numbers, .. } => {
            let flags = numbers.iter().all(|value| *value == 0.0 || *value == 1.0);
            Some(match flags {
                true => Task::Classification,
                false => Task::Regression,
            })
        }
    }
}

fn as_classes(field: &Field, names: Option<&Vec<String>>) -> Result<Classes, Finding> {
    match &field.values {
        Values::Texts(texts) => worded(&field.name, texts, names),
        Values::Rows { width, numbers } => one_hot(&field.name, *width, numbers, names),
        Values::Numbers(numbers) => {
            let infinite = numbers.iter().find(|number| number.is_infinite());
            if let Some(number) = infinite {
                return Err(Finding::new(&field.name, number, "finite labels"));
            }
            let distinct = distinct(numbers);
            if distinct.len() > MOST_NUMBERED_CLASSES {
                let found = format!("{} distinct values", distinct.len());
                let expected = format!(
                    "{MOST_NUMBERED_CLASSES} classes or fewer (--task regression takes them as intensities, --bins makes \
                     classes of them)"
                );
                return Err(Finding::new(&field.name, found, expected));
            }
            numbered(numbers, &distinct, names)
        }
    }
}

fn as_intensities(field: Field) -> Vec<(String, Vec<f64>)> {
    match field.values {
        Values::Numbers(numbers) => vec![(field.name, numbers)],
        Values::Texts(_) => Vec::new(),
        Values::Rows { width, numbers } => {
            let column = |place: usize| numbers.iter().skip(place).step_by(width).copied();
            (0..width)
                .map(|place| (format!("{}_{place}", field.name), column(place).collect()))
                .collect()
        }
    }
}

/// Calls intensities what the options say, or else what the file does where it names as many.
fn name_targets(
    intensities: &mut [(String, Vec<f64>)],
    in_file: Option<Vec<String>>,
    options: &Options,
) -> Result<(), Finding> {
    let count = intensities.len();
    if let Some(names) = options.target_names.as_ref().filter(|n| n.len() != count) {
        let expected = format!("{count}, one for each intensity");
        return Err(Finding::new("target names", names.len(), expected));
    }
    let in_file = in_file.filter(|names| names.len() == count && options.labels.is_empty());
    let names = options.target_names.clone().or(in_file);
    for ((name, _), given) in intensities.iter_mut().zip(names.into_iter().flatten()) {
        *name = given;
    }
    Ok(())
}

/// The distinct values in ascending order, without NaN. Values that are alike in single precision are
/// one: sides of a file may differ in precision.
fn distinct(numbers: &[f64]) -> Vec<f64> {
    let mut distinct: Vec<f64> = numbers.iter().copied().filter(|n| !n.is_nan()).collect();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup_by_key(|value| *value as f32 + 0.0);
    distinct
}

/// Classes from numbers.
///
/// With names, whole numbers are indices into them, or their order where there are as many. Without, a
/// class that does not occur keeps its place between those that do, unless most places would be empty.
fn numbered(
    numbers: &[f64],
    distinct: &[f64],
    names: Option<&Vec<String>>,
) -> Result<Classes, Finding> {
    let (low, high) = (distinct[0], distinct[distinct.len() - 1]);
    let whole = distinct.iter().all(|value| value.fract() == 0.0);
    let position = |value: f64| {
        let key = value as f32 + 0.0;
        distinct.iter().position(|other| *other as f32 + 0.0 == key)
    };
    let by_order = |numbers: &[f64]| numbers.iter().map(|n| position(*n)).collect();
    if let Some(names) = names {
        if whole && low >= 0.0 && high < names.len() as f64 {
            let index = |n: &f64| (!n.is_nan()).then_some(*n as usize);
            return Ok((names.clone(), numbers.iter().map(index).collect()));
        }
        if names.len() == distinct.len() {
            return Ok((names.clone(), by_order(numbers)));
        }
        let values: Vec<String> = distinct.iter().map(|value| written(*value)).collect();
        let found = format!("{} names", names.len());
        let expected = format!("one for each of {}", values.join(", "));
        return Err(Finding::new("class names", found, expected));
    }
    let span = high - low + 1.0;
    if whole && span <= 2.0 * distinct.len() as f64 {
        let places = 0..span as usize;
        let classes = places.map(|place| written(low + place as f64)).collect();
        let index = |n: &f64| (!n.is_nan()).then(|| (n - low) as usize);
        return Ok((classes, numbers.iter().map(index).collect()));
    }
    let classes = distinct.iter().map(|value| written(*value)).collect();
    Ok((classes, by_order(numbers)))
}

/// Classes from texts: their order is that of the names, else alphabetical.
fn worded(field: &str, texts: &[String], names: Option<&Vec<String>>) -> Result<Classes, Finding> {
    let texts: Vec<&str> = texts.iter().map(|text| text.trim()).collect();
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    for text in texts.iter().filter(|text| !text.is_empty()) {
        let next = index.len();
        index.entry(text).or_insert(next);
    }
    if index.len() > MOST_CLASSES {
        let found = format!("{} distinct texts", index.len());
        let expected = format!("{MOST_CLASSES} classes or fewer (--labels names the label field)");
        return Err(Finding::new(field, found, expected));
    }
    let classes: Vec<String> = match names {
        Some(names) => names.clone(),
        None => index.keys().map(|text| (*text).to_owned()).collect(),
    };
    let place: BTreeMap<&str, usize> = classes.iter().map(String::as_str).zip(0..).collect();
    if let Some(unknown) = index.keys().find(|text| !place.contains_key(**text)) {
        let expected = format!("one of {}", classes.join(", "));
        return Err(Finding::new(field, format!("`{unknown}`"), expected));
    }
    let labels = texts.iter().map(|text| place.get(text).copied());
    Ok((classes.clone(), labels.collect()))
}

/// Classes from rows in which one number stands out.
fn one_hot(
    field: &str,
    width: usize,
    numbers: &[f64],
    names: Option<&Vec<String>>,
) -> Result<Classes, Finding> {
    let rows = numbers.chunks_exact(width);
    let mut several = 0;
    let mut labels = Vec::with_capacity(rows.len());
    for row in rows {
        let mut ones = row.iter().enumerate().filter(|(_, value)| **value > 0.0);
        let first = ones.next();
        several += usize::from(ones.next().is_some());
        labels.push(first.map(|(class, _)| class));
    }
    if several > 0 {
        let found = format!("{several} utterances with several of {width} classes at once");
        let expected = format!(
            "one class for every utterance (several at once are not supported; --task regression takes \
             them as {width} intensities)"
        );
        return Err(Finding::new(field, found, expected));
    }
    let classes = match names {
        None => (0..width).map(|class| class.to_string()).collect(),
        Some(names) if names.len() == width => names.clone(),
        Some(names) => {
            let expected = format!("{width}, one for each place of the one-hot labels");
            return Err(Finding::new("class names", names.len(), expected));
        }
    };
    Ok((classes, labels))
}

/// The ends of the scale: as given, else the narrowest of -1 to 1 and -3 to 3 that holds all values, else
/// those of the values.
fn scale(name: &str, values: &[f64], given: Option<[f32; 2]>) -> Result<[f32; 2], Finding> {
    let known = || values.iter().copied().filter(|value| !value.is_nan());
    let low = known().fold(f64::INFINITY, f64::min) as f32;
    let high = known().fold(f64::NEG_INFINITY, f64::max) as f32;
    if let Some([first, last]) = given {
        if low < first || high > last {
            let found = format!("values from {low} to {high}");
            return Err(Finding::new(name, found, format!("{first} to {last}")));
        }
        return Ok([first, last]);
    }
    let holds = |[first, last]: &[f32; 2]| first <= &low && &high <= last;
    let agreed = [[-1.0, 1.0], [-3.0, 3.0]];
    // Numbers from 0 up are on a scale of their own.
    let agreed = agreed.into_iter().find(|scale| low < 0.0 && holds(scale));
    Ok(agreed.unwrap_or(if low < high {
        [low, high]
    } else {
        [low - 0.5, low + 0.5]
    }))
}

fn binned(
    bins: crate::bins::Bins,
    targets: &[Target],
    intensities: &[(String, Vec<f64>)],
    names: Option<&Vec<String>>,
) -> Result<Classes, Finding> {
    let ([target], [(_, values)]) = (targets, intensities) else {
        let found = format!("{} intensities", targets.len());
        let expected = "one to bin (--labels names it)";
        return Err(Finding::new("bins", found, expected));
    };
    let known = Scale::of(target).filter(|scale| scale.bins().contains(&bins));
    let Some(scale) = known else {
        let [low, high] = target.range;
        let found = format!("--bins {} on the scale {low} to {high}", bins.name());
        let expected =
            "sign, 2, 3, 5 or 7 on -3 to 3, sign, 2, 3 or 5 on -1 to 1 (--range says which)";
        return Err(Finding::new("bins", found, expected));
    };
    let own = bins.classes(scale);
    let classes = match names {
        None => own.iter().map(|name| (*name).to_owned()).collect(),
        Some(names) if names.len() == own.len() => names.clone(),
        Some(names) => {
            let expected = format!("{}, one for each of {}", own.len(), own.join(", "));
            return Err(Finding::new("class names", names.len(), expected));
        }
    };
    let label = |value: &f64| (!value.is_nan()).then(|| bins.bin(scale, *value as f32));
    Ok((classes, values.iter().map(label).collect()))
}

fn intensities_only(targets: &[Target], intensities: &[(String, Vec<f64>)]) -> String {
    let described = targets
        .iter()
        .zip(intensities)
        .map(|(target, (_, values))| {
            let [low, high] = target.range;
            let count = distinct(values).len();
            format!(
                "`{}` ({count} distinct values, on the scale {low} to {high})",
                target.name
            )
        });
    let described: Vec<String> = described.collect();
    format!(
        "the labels are intensities, no classes: {}; they are kept as such: train on them with \
         `--task regression`, or make classes of them here with `--bins sign|2|3|5|7`",
        described.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bins::Bins;

    fn numbers(values: &[f64]) -> LabelFields {
        LabelFields {
            fields: vec![Field::new("label", Values::Numbers(values.to_vec()))],
            ..LabelFields::default()
        }
    }

    fn of(fields: LabelFields, options: &Options) -> Result<Labels, Finding> {
        let n = fields.fields[0].values.len();
        read(fields, n, options, &mut Vec::new(), &mut Vec::new())
    }

    fn names(names: &[&str]) -> Option<Vec<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn whole_numbers_are_classes_that_keep_their_place() {
        let options = Options::default();
        let labels = of(numbers(&[0.0, 2.0, 0.0]), &options).expect("classes");
        assert_eq!(labels.classes, ["0", "1", "2"], "1 does not occur");
        assert_eq!(labels.labels, [Some(0), Some(2), Some(0)]);
        let labels = of(numbers(&[-1.0, 1.0, f64::NAN]), &options).expect("classes");
        assert_eq!(labels.classes, ["-1", "0", "1"]);
        assert_eq!(labels.labels, [Some(0), Some(2), None]);
        let labels = of(numbers(&[10.0, 30.0, 20.0]), &options).expect("classes");
        assert_eq!(labels.classes, ["10", "20", "30"]);
    }

    #[test]
    fn names_are_indexed_or_taken_in_order() {
        let options = Options {
            class_names: names(&["a", "b", "c"]),
            ..Options::default()
        };
        let labels = of(numbers(&[0.0, 2.0]), &options).expect("two of three classes");
        assert_eq!((labels.classes.len(), labels.labels[1]), (3, Some(2)));
        let labels = of(numbers(&[1.0, 3.0, 2.0]), &options).expect("numbered from 1");
        assert_eq!(labels.labels, [Some(0), Some(2), Some(1)]);
        assert!(of(numbers(&[0.0, 3.0]), &options).is_err());
    }

    #[test]
    fn fractions_and_many_values_are_intensities() {
        let options = Options::default();
        let third = f64::from(-7.0f32 / 3.0);
        let labels = of(numbers(&[third, -7.0 / 3.0, 1.0]), &options).expect("intensities");
        assert!(labels.classes.is_empty());
        assert_eq!(labels.targets[0].range, [-3.0, 3.0]);
        assert_eq!(labels.values[2], [Some(1.0)]);
        let percent: Vec<f64> = (0..=100).map(f64::from).collect();
        let labels = of(numbers(&percent), &options).expect("intensities");
        assert_eq!(labels.targets[0].range, [0.0, 100.0]);
        let as_classes = |values: &[f64]| {
            let options = Options {
                task: Some(Task::Classification),
                ..Options::default()
            };
            of(numbers(values), &options)
        };
        let both = as_classes(&[third, -7.0 / 3.0, 1.0]).expect("classes when asked for");
        assert_eq!(both.labels, [Some(0), Some(0), Some(1)], "two precisions");
        assert!(as_classes(&percent).is_err());
    }

    #[test]
    fn ratings_are_intensities_when_asked_for() {
        let options = Options {
            task: Some(Task::Regression),
            range: Some([1.0, 9.0]),
            ..Options::default()
        };
        let labels = of(numbers(&[1.0, 7.0]), &options).expect("intensities");
        assert_eq!(
            (labels.classes.len(), labels.targets[0].range),
            (0, [1.0, 9.0])
        );
        assert!(
            of(numbers(&[0.0, 7.0]), &options).is_err(),
            "below the scale"
        );
    }

    #[test]
    fn bins_make_classes_and_keep_the_intensities() {
        let options = Options {
            bins: Some(Bins::Seven),
            ..Options::default()
        };
        let labels = of(numbers(&[-2.4, 0.2, 2.9]), &options).expect("classes");
        assert_eq!(labels.classes.len(), 7);
        assert_eq!(labels.labels, [Some(1), Some(3), Some(6)]);
        assert_eq!(labels.targets.len(), 1);
        let error = of(numbers(&[0.25, 0.5]), &options).expect_err("no known scale");
        assert!(error.to_string().contains("--range"), "{error}");
    }

    #[test]
    fn texts_are_classes_and_text_numbers_are_numbers() {
        let texts = |texts: &[&str]| LabelFields {
            fields: vec![Field::new(
                "label",
                Values::Texts(texts.iter().map(|text| (*text).to_owned()).collect()),
            )],
            ..LabelFields::default()
        };
        let options = Options::default();
        let labels = of(texts(&["sad", "", "glad"]), &options).expect("classes");
        assert_eq!(labels.classes, ["glad", "sad"]);
        assert_eq!(labels.labels, [Some(1), None, Some(0)]);
        let labels = of(texts(&["0.5", "-1.5"]), &options).expect("intensities");
        assert_eq!(labels.targets.len(), 1);
        let given = Options {
            class_names: names(&["sad", "neutral", "glad"]),
            ..Options::default()
        };
        let labels = of(texts(&["sad", "glad"]), &given).expect("classes");
        assert_eq!(labels.labels, [Some(0), Some(2)]);
        let error = of(texts(&["mad"]), &given).expect_err("an unknown class");
        assert!(error.to_string().contains("`mad`"), "{error}");
    }

    #[test]
    fn one_hot_rows_are_classes_and_several_ones_are_refused() {
        let rows = |numbers: &[f64]| LabelFields {
            fields: vec![Field::new(
                "labels",
                Values::Rows {
                    width: 3,
                    numbers: numbers.to_vec(),
                },
            )],
            ..LabelFields::default()
        };
        let options = Options::default();
        let labels = of(rows(&[0.0, 1.0, 0.0, 0.0, 0.0, 0.0]), &options).expect("classes");
        assert_eq!(labels.labels, [Some(1), None]);
        let error = of(rows(&[1.0, 1.0, 0.0]), &options).expect_err("two at once");
        assert!(
            error.to_string().contains("several of 3 classes at once"),
            "{error}"
        );
        let labels = of(rows(&[0.1, 0.5, 0.9]), &options).expect("intensities");
        assert_eq!(labels.targets[2].name, "labels_2");
    }
}
