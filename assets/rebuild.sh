#!/usr/bin/env bash
# Makes demo-model.safetensors anew: MCT-HFR trained on the demo corpus of the paper's size, with our own
# binary. Ten minutes on two cores. The corpus itself is generated where it is needed: the same seed and
# scale give the same bytes on every platform. Both are synthetic.
set -euo pipefail
cd "$(dirname "$0")/.."
mct_hfr() { cargo run --release --quiet -- "$@"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mct_hfr corpus demo --seed 1 --scale 1 --out "$work/corpus.safetensors"
mct_hfr train --corpus "$work/corpus.safetensors" --out "$work/run" --preset demo --epochs 16 --seed 1 \
    --fold 0 --device flex
mct_hfr weights export "$work/run" --precision f16 --out assets/demo-model.safetensors
