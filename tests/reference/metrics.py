"""Writes tests/fixtures/metrics.json: classification metrics computed by scikit-learn."""

import json
import warnings
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score

PATH = Path(__file__).parent.parent / "fixtures" / "metrics.json"


def inputs():
    """(labels, predictions, classes)"""
    yield [0, 1, 2, 3], [0, 1, 2, 3], 4  # perfect
    yield [0, 1, 2, 3, 0], [1, 2, 3, 0, 1], 4  # all wrong
    yield [0, 0, 1, 1, 1], [0, 1, 1, 1, 0], 2
    yield [0, 0, 1, 2, 2], [0, 1, 1, 0, 1], 3  # a class never predicted
    yield [0, 0, 2, 2], [0, 2, 2, 2], 4  # classes absent from both
    yield [0, 0, 2, 2], [0, 1, 2, 1], 3  # a class predicted but absent from the labels
    yield [1, 1, 1], [1, 1, 1], 4  # a single class
    yield [1, 1, 1], [0, 2, 1], 4
    yield [0, 1, 2, 3, 3, 3], [3, 3, 3, 3, 3, 3], 4  # one class predicted throughout
    yield [2], [0], 3  # one sample
    random = np.random.default_rng(0)
    for size, classes, weights in ((40, 4, [0.4, 0.3, 0.2, 0.1]), (60, 7, [0.6, 0.2, 0.1, 0.05, 0.03, 0.01, 0.01])):
        labels = random.choice(classes, size, p=weights)
        guesses = random.integers(classes, size=size)
        predictions = np.where(random.random(size) < 0.6, labels, guesses)
        yield labels.tolist(), predictions.tolist(), classes


def case(labels, predictions, classes):
    return {
        "labels": labels,
        "predictions": predictions,
        "classes": classes,
        "ua": float(balanced_accuracy_score(labels, predictions)),
        "wa": float(accuracy_score(labels, predictions)),
        "uf1": float(f1_score(labels, predictions, average="macro", zero_division=0)),
        "wf1": float(f1_score(labels, predictions, average="weighted", zero_division=0)),
        "confusion": confusion_matrix(labels, predictions, labels=range(classes)).tolist(),
    }


if __name__ == "__main__":
    # scikit-learn warns of the absent and single classes that are here on purpose.
    warnings.simplefilter("ignore")
    cases = ",\n".join(json.dumps(case(*arguments)) for arguments in inputs())
    PATH.write_text(f'{{"cases":[\n{cases}\n]}}\n')
