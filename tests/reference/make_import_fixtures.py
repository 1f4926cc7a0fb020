"""Writes tests/fixtures/import/, the small files that crates/mct-corpus/tests/import.rs imports.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install numpy==2.4.6
    /tmp/venv/bin/python tests/reference/make_import_fixtures.py

The tests themselves need no Python. Every value follows from a formula that the tests repeat.
"""

import pickle
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "fixtures" / "import"


def values(utterance, steps, features, scale=1.0):
    """Value [t, d] of an utterance: scale * (1 + utterance + t / 4 + d / 16); never 0."""
    t = np.arange(steps)[:, None] / 4
    d = np.arange(features)[None, :] / 16
    return scale * (1 + utterance + t + d)


def padded(lengths, width, features, scale=1.0, left=False, first=0):
    out = np.zeros((len(lengths), width, features), np.float32)
    for index, length in enumerate(lengths):
        rows = slice(width - length, width) if left else slice(0, length)
        out[index, rows] = values(first + index, length, features, scale)
    return out


def with_numpy_1_names(data):
    """As numpy 1 writes it; only protocols that spell module names out as lines."""
    return data.replace(b"numpy._core", b"numpy.core")


def mmsa(aligned):
    """Three utterances a side; lengths 2, 3, 4 of text, 5, 6, 7 of audio, 3, 4, 5 of vision."""
    sides = {}
    for number, side in enumerate(["train", "valid", "test"]):
        first = 3 * number
        text_lengths = [2, 3, 4]
        mask = np.zeros((3, 5), np.float32)
        for index, length in enumerate(text_lengths):
            mask[index, :length] = 1
        text = padded(text_lengths, 5, 3, first=first)
        text[mask == 0] = 9  # what BERT says of padding is not zero
        audio_lengths = text_lengths if aligned else [5, 6, 7]
        vision_lengths = text_lengths if aligned else [3, 4, 5]
        audio = padded(audio_lengths, 5 if aligned else 8, 2, first=first)
        vision = padded(vision_lengths, 5 if aligned else 6, 4, first=first)
        sides[side] = {
            "raw_text": [f"clip {first + i}, caf\u00e9" for i in range(3)],
            "audio": audio,
            "vision": vision,
            "id": [f"video{number}$_${i}" for i in range(3)],
            "text": text,
            "text_bert": np.stack([np.full((3, 5), 101.0, np.float32), mask, 0 * mask], axis=1),
            "annotations": ["Negative", "Neutral", "Positive"],
            "classification_labels": np.array([0.0, 1.0, 2.0], np.float32),
            "regression_labels": np.array([-1.5, 0.0, 2.25], np.float32),
        }
        if not aligned:
            sides[side]["audio_lengths"] = audio_lengths
            sides[side]["vision_lengths"] = np.array(vision_lengths)
    return sides


def mult_iemocap():
    """Two utterances a side, padded on the left, without ids; some audio values are -inf."""
    sides = {}
    for number, side in enumerate(["train", "valid", "test"]):
        first = 2 * number
        labels = np.zeros((2, 4, 2), np.int64)
        labels[:, :, 0] = 1
        for index in range(2):
            labels[index, (first + index) % 4] = [0, 1]
        audio = padded([3, 4], 6, 2, left=True, first=first)
        if side == "train":
            audio[1, 4, 1] = -np.inf
            audio[0, 2] = -np.inf  # a step of padding, once it is 0
        sides[side] = {
            "text": padded([2, 3], 4, 3, left=True, first=first),
            "audio": audio,
            "vision": padded([1, 5], 5, 2, left=True, first=first),
            "labels": labels,
        }
    return sides


def mult_mosei():
    """As mult_iemocap, with ids, Fortran-ordered and half-precision arrays."""
    sides = mult_iemocap()
    for number, (side, part) in enumerate(sides.items()):
        first = 2 * number
        part["audio"] = padded([3, 4], 6, 2, left=True, first=first)
        part["vision"] = np.asfortranarray(part["vision"].astype(np.float64))
        part["text"] = part["text"].astype(np.float16)
        part["labels"] = np.array([[[0.0]], [[1.0]]])
        clips = [[f"v{number}", f"{i}.5", f"{i + 1}.5"] for i in range(2)]
        # The three ways in which ids stand in such files.
        part["id"] = {
            "train": np.array(clips, dtype="S"),
            "valid": np.array(clips, dtype=object),
            "test": [np.array(clip) for clip in clips],
        }[side]
    return sides


def npz_arrays():
    """Four utterances: audio (float16) of 4, 5, 6, 7 steps, vision (float32) of 1, text of 2."""
    def ragged(lengths, features, dtype):
        rows = [values(i, length, features) for i, length in enumerate(lengths)]
        return np.concatenate(rows).astype(dtype)

    audio_lengths = np.array([4, 5, 6, 7], np.int32)
    return {
        "audio": ragged(audio_lengths, 3, np.float16),
        "audio_lengths": audio_lengths,
        "vision": ragged([1] * 4, 2, np.float32),
        "vision_lengths": np.ones(4, np.int64),
        "text": ragged([2] * 4, 2, np.float64),
        "text_lengths": np.full(4, 2, np.uint8),
        "label": np.array([0, 1, 1, 0], np.int32),
        "class_names": np.array(["ruhig", "fr\u00f6hlich"]),
        "speaker": np.array(["10", "10", "9", "\u674e"]),
        "session": np.array([2, 2, 10, 10], np.int32),
        "id": np.array([f"clip-{i}" for i in range(4)]),
        "sex": np.array(["F", "F", "M", "M"]),
        "transcript": np.array(["eins", "zwei", "", "\U0001f600"]),
        "rate_audio": np.float64(50),
        "unknown_text": np.array([0.5, -0.5]),
        "statement": np.zeros(4, np.int32),
    }


def kinds():
    """Pickles as extraction tools write them today, and as people damage them."""
    out = {}

    def mmsa_with(change):
        sides = mmsa(False)
        for part in sides.values():
            change(part)
        return sides

    def no_classes(part):
        del part["classification_labels"]

    out["kind_annotations_p4.pkl"] = mmsa_with(no_classes)

    def intensities_only(part):
        del part["classification_labels"], part["annotations"]

    out["kind_intensities_p4.pkl"] = mmsa_with(intensities_only)

    def no_vision(part):
        del part["vision"], part["vision_lengths"]

    out["kind_two_modalities_p4.pkl"] = mmsa_with(no_vision)

    def transposed(part):
        # numpy 2.3 and later pickle this at protocol 5 in order "K".
        memory = np.ascontiguousarray(part["vision"].transpose(1, 2, 0))
        part["vision"] = memory.transpose(2, 0, 1)

    out["kind_order_k_p5.pkl"] = mmsa_with(transposed)

    def front_padded(part):
        for key, lengths in (("audio", [5, 6, 7]), ("vision", [3, 4, 5]), ("text", [2, 3, 4])):
            array = part[key]
            moved = np.zeros_like(array)
            for index, length in enumerate(lengths):
                moved[index, array.shape[1] - length :] = array[index, :length]
            part[key] = moved
        part["text_bert"] = part["text_bert"][:, :, ::-1]

    out["kind_front_padded_p4.pkl"] = mmsa_with(front_padded)

    def lists(part):
        lengths = {"audio": [5, 6, 7], "vision": [3, 4, 5], "text": [2, 3, 4]}
        for key, of_key in lengths.items():
            part[key] = [part[key][i, :length] for i, length in enumerate(of_key)]
        part["vision"][1] = np.zeros((1, 4), np.float32)  # what is written where no face was found
        part["speaker"] = ["anna", "ben", "anna"]
        for key in ("audio_lengths", "vision_lengths", "text_bert"):
            del part[key]

    out["kind_lists_p4.pkl"] = mmsa_with(lists)

    restart = mmsa(False)
    for part in restart.values():
        part["id"] = [f"dia0_utt{i}" for i in range(3)]
    out["kind_ids_restart_p4.pkl"] = restart

    broken = mmsa(False)
    broken["train"]["audio"][1, 2, 0] = np.nan
    broken["valid"]["audio"][0, 0, 1] = np.inf
    broken["test"]["vision"][2, 4, :] = -np.inf
    out["kind_non_finite_p4.pkl"] = broken

    fields = mmsa(False)["train"]
    clip = {key: fields[key][0, :5] for key in ("audio", "vision", "text")}
    clip["audio"] = clip["audio"][:5]
    clip["vision"] = clip["vision"][:3]
    clip["text"] = clip["text"][:2]
    clip["raw_text"] = "clip 0, caf\u00e9"
    out["kind_clip_p4.pkl"] = clip
    out["kind_clips_by_id_p4.pkl"] = {"a": clip, "b": {"audio": clip["audio"]}}
    out["kind_clips_list_p4.pkl"] = [dict(clip, label="sad"), {"audio": clip["audio"], "label": "glad"}]

    one_side = mmsa(False)["test"]
    out["kind_no_sides_p4.pkl"] = one_side

    mult = mult_mosei()
    thirds = [-7 / 3, 1 / 3]
    for side, part in mult.items():
        dtype = np.float64 if side == "test" else np.float32
        part["labels"] = np.array(thirds, dtype).reshape(2, 1, 1)
    mult["valid"]["text"][1] = 0  # a clip without words
    out["kind_mult_thirds_p4.pkl"] = mult
    emotions = mult_mosei()
    for part in emotions.values():
        part["labels"] = np.array([[1, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, 0]], np.float32)
    out["kind_mult_emotions_p4.pkl"] = emotions
    return out


def npz_kinds():
    """npz as numpy and pandas users write them."""
    out = {}

    def arrays(**changes):
        found = npz_arrays()
        found.update(changes)
        return {key: value for key, value in found.items() if value is not None}

    out["kind_objects.npz"] = arrays(
        id=np.array([f"clip-{i}" for i in range(4)], dtype=object),
        audio=np.array([values(i, 4 + i, 3).astype(np.float32) for i in range(4)], dtype=object),
        audio_lengths=None,
    )
    wide = np.zeros((4, 9, 3), np.float32)
    for index in range(4):
        wide[index, : 4 + index] = values(index, 4 + index, 3)
    out["kind_padded.npz"] = arrays(audio=wide, audio_lengths=None)
    out["kind_padded_lengths.npz"] = arrays(audio=wide)
    out["kind_text_labels.npz"] = arrays(
        label=np.array(["sad", "glad", "", "sad"]), class_names=None
    )
    out["kind_float_labels.npz"] = arrays(label=np.array([0.0, 1.0, 1.0, 0.0]))
    out["kind_one_hot.npz"] = arrays(label=np.eye(2)[[0, 1, 1, 0]])
    out["kind_unlabelled.npz"] = arrays(label=None, id=None, speaker=None, sex=None)
    out["kind_absent.npz"] = arrays(
        vision=values(0, 2, 2).astype(np.float32), vision_lengths=np.array([1, 0, 1, 0])
    )
    out["kind_columns.npz"] = arrays(
        valence=np.array([0.5, -0.25, 1.0, 0.0]),
        language=np.array(["de", "de", "", "zh"]),
        split=np.array(["train", "val", "test", "train"]),
        when=np.array(["2024-01-01"] * 4, dtype="datetime64[D]"),
    )
    return out


def bombs():
    """Small files that unfold to far more than their size."""
    nested = "leaf"
    for _ in range(60):
        nested = [nested, nested]
    text = "x" * 8000
    side = {"id": [text] * 2000}
    unfolding = {"train": side, "valid": side, "test": side}
    return {"bomb_nested.pkl": nested, "bomb_text.pkl": unfolding}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = {}
    for protocol in range(6):
        files[f"mmsa_unaligned_p{protocol}.pkl"] = pickle.dumps(mmsa(False), protocol)
    files["mmsa_unaligned_numpy1_p0.pkl"] = with_numpy_1_names(pickle.dumps(mmsa(False), 0))
    files["mmsa_unaligned_numpy1_p2.pkl"] = with_numpy_1_names(pickle.dumps(mmsa(False), 2))
    files["mmsa_aligned_p4.pkl"] = pickle.dumps(mmsa(True), 4)
    regression = mmsa(True)
    for part in regression.values():
        del part["classification_labels"]
    files["mmsa_regression_p4.pkl"] = pickle.dumps(regression, 4)
    empty = mmsa(False)
    empty["valid"]["audio_lengths"][1] = 0
    files["mmsa_empty_p4.pkl"] = pickle.dumps(empty, 4)
    files["mult_iemocap_p2.pkl"] = pickle.dumps(mult_iemocap(), 2)
    several = mult_iemocap()
    several["train"]["labels"][0, :, :] = [0, 1]
    several["test"]["labels"][1, :, :] = [1, 0]
    files["mult_several_p4.pkl"] = pickle.dumps(several, 4)
    for protocol in (2, 4, 5):
        files[f"mult_mosei_p{protocol}.pkl"] = pickle.dumps(mult_mosei(), protocol)
    big_endian = mult_iemocap()
    for part in big_endian.values():
        part["vision"] = part["vision"].astype(">f4")
    files["mult_big_endian_p2.pkl"] = pickle.dumps(big_endian, 2)
    files["mult_big_endian_p5.pkl"] = pickle.dumps(big_endian, 5)
    for name, bomb in bombs().items():
        files[name] = pickle.dumps(bomb, 4)
    for name, data in files.items():
        (FOLDER / name).write_bytes(data)
    np.savez(FOLDER / "ragged_stored.npz", **npz_arrays())
    np.savez_compressed(FOLDER / "ragged_deflated.npz", **npz_arrays())
    fortran = npz_arrays()
    fortran["vision"] = np.asfortranarray(fortran["vision"])
    np.savez_compressed(FOLDER / "ragged_fortran.npz", **fortran)
    big_endian = npz_arrays()
    big_endian["vision"] = big_endian["vision"].astype(">f4")
    np.savez_compressed(FOLDER / "ragged_big_endian.npz", **big_endian)
    for name, data in kinds().items():
        (FOLDER / name).write_bytes(pickle.dumps(data, int(name[-5])))
    for name, arrays in npz_kinds().items():
        np.savez_compressed(FOLDER / name, **arrays)
    # 12 MiB of zeros in 12 kB.
    np.savez_compressed(
        FOLDER / "bomb_zeros.npz",
        audio=np.zeros((1, 1 << 10, 3 << 10), np.float32),
        id=np.array(["a"]),
    )
    for path in sorted(FOLDER.iterdir()):
        assert path.stat().st_size < 20_000, path
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
