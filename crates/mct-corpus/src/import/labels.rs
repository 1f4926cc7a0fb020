//! Classes from labels that are numbers.

use crate::error::Finding;

/// More distinct values than this are no classes.
const MOST_CLASSES: usize = 32;

/// The distinct `values`, sorted, are the classes. Returns their names (`names`, else the values as
/// text) and for each value the index of its class.
pub(super) fn classes(
    field: &str,
    values: &[f64],
    names: Option<&[String]>,
) -> Result<(Vec<String>, Vec<usize>), Finding> {
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return Err(Finding::new(field, value, "finite labels"));
    }
    let mut distinct = values.to_vec();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    if distinct.len() > MOST_CLASSES {
        let found = format!("{} distinct values", distinct.len());
        let expected =
            format!("{MOST_CLASSES} classes or fewer (regression labels are not classes)");
        return Err(Finding::new(field, found, expected));
    }
    let labels = values
        .iter()
        .map(|value| distinct.partition_point(|class| class < value))
        .collect();
    let in_file = distinct.iter().map(f64::to_string).collect();
    Ok((named(in_file, names)?, labels))
}

/// `names`, if given, instead of those `in_file`.
pub(super) fn named(
    in_file: Vec<String>,
    names: Option<&[String]>,
) -> Result<Vec<String>, Finding> {
    match names {
        None => Ok(in_file),
        Some(names) if names.len() == in_file.len() => Ok(names.to_vec()),
        Some(names) => {
            let expected = format!("{}, one for each of {}", in_file.len(), in_file.join(", "));
            Err(Finding::new("class names", names.len(), expected))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_the_sorted_distinct_values() {
        let (names, labels) = classes("labels", &[2.0, -1.0, 0.0, 2.0], None).expect("classes");
        assert_eq!(names, ["-1", "0", "2"]);
        assert_eq!(labels, [2, 0, 1, 2]);
        let given = vec!["a".to_owned()];
        assert!(classes("labels", &[0.0, 1.0], Some(&given)).is_err());
    }

    #[test]
    fn regression_labels_are_no_classes() {
        let values: Vec<f64> = (0..33).map(|index| f64::from(index) / 10.0).collect();
        let finding = classes("labels", &values, None).expect_err("33 classes");
        assert!(
            finding
                .to_string()
                .contains("regression labels are not classes")
        );
        assert!(classes("labels", &values[..32], None).is_ok());
        assert!(classes("labels", &[f64::NAN], None).is_err());
    }
}
