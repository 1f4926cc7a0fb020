#!/usr/bin/env python3
"""Interrupts the command line at random moments and lets it go on.

    python3 tests/interrupted.py PROGRAM [kill|term|hup|full|readonly] [TIMES] [SEED]

`kill`, `term`, `hup`: a process is sent the signal at a random moment, sometimes twice in a row, and then the
same command is given again (a training is resumed). `full`: it writes to a file system that is too small
for it, which then grows. `readonly`: it finds its folder read-only, which then is writable again. (The last
two need root and Linux, for a tmpfs.)

Whatever happened, the results have to be those of a run that nobody interrupted, to the last byte, and no file
may ever be half there. Prints a table at the end; exits with 1 where anything was lost.
"""

import collections
import hashlib
import json
import math
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import wave

SMALL = ["--preset", "demo", "--device", "flex", "--set", "model.d=16", "--set", "model.layers=1"]
GRID = """title = "Two systems"
views = ["scores"]

[[rows]]
name = "MCT"
system = "mct"
strategy = "dynamic"

[[rows]]
name = "CHFN"
system = "chfn"
strategy = "dynamic"
"""
SPACE = """systems = ["mct"]

[common]
"training.learning_rate" = { log = [0.0001, 0.01] }
"""

# A scenario: the command, the one that goes on with it, what has to be equal at the end.
Scenario = collections.namedtuple("Scenario", "first again results")


def scenarios(folder):
    corpus = str(folder / "corpus.mct")

    def train(out):
        first = ["train", "--corpus", corpus, "--out", out, "--system", "mct-hfr", *SMALL,
                 "--set", "training.epochs=3"]
        results = ["checkpoints/best.safetensors", "checkpoints/last.safetensors", "predictions.json"]
        return Scenario(first, ["resume", out], results)

    def same(words, results):
        return Scenario(words, words, results)

    return {
        "train": train,
        "import": lambda out: same(
            ["corpus", "import", str(folder / "features.npz"), "--out", out], [""]),
        "extract": lambda out: same(
            ["corpus", "extract", str(folder / "recordings.csv"), "--from", "table", "--out", out], [""]),
        "experiment": lambda out: same(
            ["experiment", str(folder / "grid.toml"), "--corpus", corpus, "--out", out, *SMALL, "--folds", "0",
             "--seeds", "1", "--set", "training.epochs=2"], ["**/scores.csv", "runs/*/predictions.json"]),
        "search": lambda out: same(
            ["search", str(folder / "space.toml"), "--corpus", corpus, "--out", out, *SMALL, "--folds", "0",
             "--budget", "2", "--set", "training.epochs=2"], ["**/candidates.json", "runs/*/predictions.json"]),
    }


def prepare(program, folder):
    """What the scenarios read."""
    def run(*words):
        subprocess.run([program, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    run("corpus", "demo", "--scale", "0.03", "--out", str(folder / "corpus.mct"))
    (folder / "grid.toml").write_text(GRID)
    (folder / "space.toml").write_text(SPACE)
    # Features as an .npz of stored arrays.
    import zipfile
    utterances, steps, width = 400, 40, 50

    def npy(code, shape, data):
        head = f"{{'descr': '{code}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data

    source = random.Random(1)
    with zipfile.ZipFile(folder / "features.npz", "w") as archive:
        ids = b"".join(f"u{index:07}".encode() for index in range(utterances))
        archive.writestr("id.npy", npy("|S8", (utterances,), ids))
        labels = b"".join(struct.pack("<q", index % 3) for index in range(utterances))
        archive.writestr("label.npy", npy("<i8", (utterances,), labels))
        values = b"".join(struct.pack("<f", source.random() + 0.1) for _ in range(utterances * steps * width))
        archive.writestr("audio.npy", npy("<f4", (utterances, steps, width), values))
    # A folder of recordings.
    lines = ["id,audio,label"]
    for index in range(40):
        with wave.open(str(folder / f"r{index}.wav"), "wb") as sound:
            sound.setparams((1, 2, 16000, 0, "NONE", ""))
            tone = (int(9000 * math.sin(0.05 * (index + 1) * t)) for t in range(16000))
            sound.writeframes(b"".join(struct.pack("<h", value) for value in tone))
        lines.append(f"r{index},r{index}.wav,{['happy', 'sad'][index % 2]}")
    (folder / "recordings.csv").write_text("\n".join(lines) + "\n")


def digest(out, results):
    """SHA-256 of each result, by its path; `None` for one that is not there."""
    sums = {}
    for pattern in results:
        paths = sorted(out.glob(pattern)) if pattern else [out]
        for path in paths or [out / pattern]:
            sums[str(path.relative_to(out))] = hashlib.sha256(content(path)).hexdigest() if path.is_file() else None
    return sums


def content(path):
    """The bytes of a file, without how long something took."""
    data = path.read_bytes()
    if path.name == "predictions.json":
        predictions = json.loads(data)["predictions"]
        del predictions["training_seconds"]
        return json.dumps(predictions).encode()
    return data


def halves(out):
    """Files under their final names that are not complete."""
    found = []
    paths = [out] if out.is_file() else sorted(out.rglob("*")) if out.is_dir() else []
    for path in paths:
        if not path.is_file() or path.name.startswith((".partial-", ".tmp", ".lock")) or path.name in ("log.txt", "events.jsonl"):
            continue
        data = path.read_bytes()
        try:
            if path.suffix in (".safetensors", ".mct"):
                (length,) = struct.unpack("<Q", data[:8])
                header = json.loads(data[8:8 + length])
                end = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
                complete = len(data) == 8 + length + end
            elif path.suffix == ".json":
                json.loads(data)
                complete = True
            elif path.suffix in (".toml", ".csv", ".html", ".svg", ".md", ".tsv"):
                complete = data.endswith(b"\n") or data.endswith(b">")
            else:
                complete = True
        except (ValueError, KeyError, struct.error):
            complete = False
        if not complete:
            found.append(str(path))
    return found


def start(program, words):
    environment = dict(os.environ, RAYON_NUM_THREADS="1")
    return subprocess.Popen([program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, start_new_session=True, env=environment)


def end(process, number):
    """Signals the process, and for a kill its children, which nobody could tell."""
    try:
        if number == signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except ProcessLookupError:
        pass
    return process.wait()


def goes_on(program, name, scenario, out, losses):
    """Gives the command again, which has to end well; what it ends with."""
    code, errors = finish(program, again_of(scenario, out))
    if code != 0:
        losses.append(f"{name}: exit {code}: {errors[-300:]}")
    return digest(out, scenario.results)


def again_of(scenario, out):
    """A training that has not made its folder yet begins anew."""
    if scenario.first == scenario.again or (out / "config.toml").exists():
        return scenario.again
    return scenario.first


def finish(program, words):
    process = start(program, words)
    _, errors = process.communicate()
    return process.returncode, errors.decode(errors="replace")


def interrupted(program, name, scenario, out, number, seconds, source, losses):
    """Interrupts one run once or twice, and finishes it."""
    words = scenario.first
    for _ in range(source.choice([1, 1, 2])):
        process = start(program, words)
        time.sleep(source.uniform(0, seconds * 1.05))
        end(process, number)
        process.stderr.close()
        losses += halves(out)
        words = again_of(scenario, out)
    return goes_on(program, name, scenario, out, losses)


def mount(folder, options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def patiently(*words):
    """Children of a process that was killed hold their files for a moment longer than it does."""
    for _ in range(100):
        if subprocess.run(words, stderr=subprocess.DEVNULL).returncode == 0:
            return
        time.sleep(0.05)
    subprocess.run(words, check=True)


def without_room(program, name, scenario, out, needed, source, losses):
    """A file system with room for a part of the results, which then grows."""
    room = int(source.uniform(4096, max(needed, 8192)))
    mount(out.parent, f"size={room}")
    try:
        code, errors = finish(program, scenario.first)
        if "panicked" in errors:
            losses.append(f"{name}: {errors[-300:]}")
        losses += halves(out)
        subprocess.run(["mount", "-o", "remount,size=1g", str(out.parent)], check=True)
        return goes_on(program, name, scenario, out, losses)
    finally:
        patiently("umount", str(out.parent))


def without_leave(program, name, scenario, out, seconds, source, losses):
    """A folder that is read-only when the command goes on."""
    mount(out.parent, "size=1g")
    try:
        process = start(program, scenario.first)
        time.sleep(source.uniform(0, seconds))
        end(process, signal.SIGKILL)
        process.stderr.close()
        patiently("mount", "-o", "remount,ro", str(out.parent))
        before = digest(out, scenario.results)
        code, errors = finish(program, again_of(scenario, out))
        is_done = None not in before.values()
        if (code == 0 and not is_done) or "panicked" in errors:
            losses.append(f"{name}: exit {code} on a read-only folder: {errors[-300:]}")
        subprocess.run(["mount", "-o", "remount,rw", str(out.parent)], check=True)
        losses += halves(out)
        return goes_on(program, name, scenario, out, losses)
    finally:
        patiently("umount", str(out.parent))


def main():
    program = os.path.abspath(sys.argv[1])
    fault = sys.argv[2] if len(sys.argv) > 2 else "kill"
    times = int(sys.argv[3]) if len(sys.argv) > 3 else 200
    source = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    signals = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "hup": signal.SIGHUP}
    folder = pathlib.Path(tempfile.mkdtemp(prefix="interrupted-"))
    prepare(program, folder)
    tried, lost = collections.Counter(), collections.Counter()
    reference = {}
    for name, make in scenarios(folder).items():
        out = folder / "reference" / name
        out.parent.mkdir(exist_ok=True)
        scenario = make(str(out))
        began = time.monotonic()
        code, errors = finish(program, scenario.first)
        assert code == 0, f"{name}: {errors}"
        seconds = time.monotonic() - began
        files = [out] if out.is_file() else [path for path in out.rglob("*") if path.is_file()]
        needed = sum(path.stat().st_size for path in files)
        reference[name] = (make, seconds, needed, digest(out, scenario.results))
        assert None not in reference[name][3].values(), f"{name}: {[path.name for path in files]}"
        print(f"{name}: {seconds:.1f} s, {needed} bytes", flush=True)
    names = list(reference)
    for turn in range(times):
        name = names[turn % len(names)]
        make, seconds, needed, expected = reference[name]
        place = folder / "work"
        place.mkdir()
        out = place / name
        scenario = make(str(out))
        losses = []
        if fault in signals:
            found = interrupted(program, name, scenario, out, signals[fault], seconds, source, losses)
        elif fault == "full":
            found = without_room(program, name, scenario, out, needed, source, losses)
        else:
            found = without_leave(program, name, scenario, out, seconds, source, losses)
        if found != expected:
            losses.append(f"{name}: other results")
        tried[name] += 1
        if losses:
            lost[name] += 1
            print(f"turn {turn}: {losses}", flush=True)
        shutil.rmtree(place)
    print(f"\n{fault:10} tried  lost")
    for name in names:
        print(f"{name:10} {tried[name]:5} {lost[name]:5}")
    shutil.rmtree(folder)
    sys.exit(1 if any(lost.values()) else 0)


if __name__ == "__main__":
    main()
