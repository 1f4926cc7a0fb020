"""Writes tests/fixtures/metrics.json: metrics of classes and intensities by numpy and scikit-learn."""

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
        "scores": {
            "ua": float(balanced_accuracy_score(labels, predictions)),
            "uf1": float(f1_score(labels, predictions, average="macro", zero_division=0)),
            "wa": float(accuracy_score(labels, predictions)),
            "wf1": float(f1_score(labels, predictions, average="weighted", zero_division=0)),
        },
        "confusion": confusion_matrix(labels, predictions, labels=range(classes)).tolist(),
    }


def intensity_inputs():
    """(truths, predictions, range)"""
    random = np.random.default_rng(1)
    for low, high, step in ((-3, 3, 1 / 3), (-3, 3, 0.5), (-1, 1, 0.2), (0, 1, 0.01), (1, 5, 0.25)):
        truths = np.clip(np.round(random.uniform(low, high, 80) / step) * step, low, high)
        noise = random.normal(scale=(high - low) / 6, size=80)
        yield truths, np.round(0.8 * truths + noise, 2), (low, high)
    halves = np.arange(-3.5, 4, 0.5)
    yield halves, np.roll(halves, 2), (-3, 3)  # halves are rounded to even
    yield np.array([-1.0, 0.0, 2.0]), np.array([0.5, 0.5, 0.5]), (-3, 3)  # a constant: no correlation


def correlation(a, b):
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0


def concordance(a, b):
    return float(2 * np.cov(a, b, bias=True)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2))


def weighted(truths, predictions):
    return float(f1_score(truths, predictions, average="weighted"))


def intensity_case(truths, predictions, ends):
    low, high = ends
    # What is read back as f32.
    t, p = (np.float32(values).astype(np.float64) for values in (truths, predictions))
    accuracy = lambda a, b: float(accuracy_score(a, b))
    if ends == (-1, 1):
        bounded_t, bounded_p = np.clip(t, -1, 1), np.clip(p, -1, 1)
    else:
        bounded_t, bounded_p = t, p
    scores = {
        "mae": float(np.abs(bounded_p - bounded_t).mean()),
        "corr": correlation(bounded_p, bounded_t),
        "ccc": concordance(bounded_p, bounded_t),
    }
    if ends == (-3, 3):
        rounded = lambda values, most: np.round(np.clip(values, -most, most)).astype(int)
        non_zero = t != 0
        scores |= {
            "acc2": accuracy(t >= 0, p >= 0),
            "f1": weighted(t >= 0, p >= 0),
            "acc2_non_zero": accuracy(t[non_zero] > 0, p[non_zero] > 0),
            "f1_non_zero": weighted(t[non_zero] > 0, p[non_zero] > 0),
            "acc3": accuracy(rounded(t, 1), rounded(p, 1)),
            "acc5": accuracy(rounded(t, 2), rounded(p, 2)),
            "acc7": accuracy(rounded(t, 3), rounded(p, 3)),
        }
        matrix = confusion_matrix(rounded(t, 3), rounded(p, 3), labels=range(-3, 4))
    elif ends == (-1, 1):
        # The bins of CH-SIMS are open below and closed above.
        bins = lambda values, edges: np.digitize(values, np.float32(edges).astype(np.float64), right=True)
        edges = {"acc2": [0.0], "acc3": [-0.1, 0.1], "acc5": [-0.7, -0.1, 0.1, 0.7]}
        for name, inner in edges.items():
            scores[name] = accuracy(bins(bounded_t, inner), bins(bounded_p, inner))
        scores["f1"] = weighted(bounded_t > 0, bounded_p > 0)
        matrix = confusion_matrix(bins(bounded_t, edges["acc5"]), bins(bounded_p, edges["acc5"]), labels=range(5))
    else:
        bins = lambda values: np.clip(np.floor((values - low) / (high - low) * 5), 0, 4).astype(int)
        matrix = confusion_matrix(bins(t), bins(p), labels=range(5))
    return {
        "range": ends,
        "truths": t.tolist(),
        "predictions": p.tolist(),
        "scores": dict(sorted(scores.items())),
        "matrix": matrix.tolist(),
    }


def lines(cases):
    return ",\n".join(json.dumps(case) for case in cases)


if __name__ == "__main__":
    # scikit-learn warns of the absent and single classes that are here on purpose.
    warnings.simplefilter("ignore")
    classes = lines(case(*arguments) for arguments in inputs())
    intensities = lines(intensity_case(*arguments) for arguments in intensity_inputs())
    PATH.write_text(f'{{"cases":[\n{classes}\n],\n"intensities":[\n{intensities}\n]}}\n')
