#!/usr/bin/env bash
# Times a training step and an inference batch at the paper's sizes, here and in PyTorch, in turns.
# Installs PyTorch into a folder of its own. Arguments: device (flex), rounds (3).
set -euo pipefail
cd "$(dirname "$0")/../.."
device="${1:-flex}"
rounds="${2:-3}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mct-hfr/target}"
venv="${VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/mct-hfr/venv-torch}"
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet -r tests/reference/requirements.txt
fi
cargo build --quiet --release --workspace --example benchmark
for _ in $(seq "$rounds"); do
    own="$("$CARGO_TARGET_DIR/release/examples/benchmark" "$device")"
    echo "mct-hfr $own"
    other="$("$venv/bin/python" tests/reference/benchmark.py --threads "$(nproc)")"
    echo "PyTorch $other"
done
