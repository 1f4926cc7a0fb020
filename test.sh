#!/usr/bin/env bash
# Installs what the tests need and runs all of them. Works on a fresh Debian machine with Rust.
set -euo pipefail
cd "$(dirname "$0")"

# A target folder outside the checkout is reused by the next clone.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mct-hfr/target}"
export CARGO_TERM_COLOR=never

step() { printf '\n== %s\n' "$*"; }

step "format"
cargo fmt --all --check
step "tests (the release profile, so that they share one build with the demo)"
cargo test --release --workspace --no-fail-fast
step "clippy"
cargo clippy --release --workspace --all-targets -- -D warnings
step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps
