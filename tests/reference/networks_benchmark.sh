#!/usr/bin/env bash
# Times the networks that extract features, here and in PyTorch, in turns. Arguments: WEIGHTS (the folder of
# `mct-hfr weights`), PICTURE, rounds (3). Installs PyTorch and the packages into a folder of their own.
set -euo pipefail
cd "$(dirname "$0")/../.."
weights="$1" picture="$2" rounds="${3:-3}"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/mct-hfr"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
venv="${VENV:-$cache/venv-networks}"
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet -r tests/reference/requirements-networks.txt
    # Their code alone: what they ask for is older than what they run with.
    "$venv/bin/pip" install --quiet --no-deps Resemblyzer==0.1.4 facenet-pytorch==2.6.0 silero-vad==6.2.3
fi
full="$cache/networks-full"
[ -d "$full/wavlm" ] || "$venv/bin/python" tests/reference/networks.py full "$full"
cargo build --quiet --release --workspace --example networks --example log_mel
for _ in $(seq "$rounds"); do
    echo "mct-hfr $("$CARGO_TARGET_DIR/release/examples/networks" "$full" "$weights" "$picture")"
    echo "mct-hfr $("$CARGO_TARGET_DIR/release/examples/log_mel")"
    echo "PyTorch $("$venv/bin/python" tests/reference/networks_benchmark.py "$full" "$weights" "$picture")"
done
