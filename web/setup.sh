# What the page is built with, for `source web/setup.sh`: the wasm standard library, wasm-bindgen of the
# version that Cargo.lock names, and trunk. They are put where they are found again, and on the PATH.
#
# The standard library comes from rustup; where that cannot reach its server, from Debian's rustc-web and
# rust-web-src, which build it from source.

mct_tools="${XDG_CACHE_HOME:-$HOME/.cache}/mct-hfr/tools"
mct_trunk=0.21.14

mct_bindgen=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/"/, "", $3); print $3; exit }' Cargo.lock)

mct_install() { # crate, version, further words
    command -v cargo >/dev/null || return 1
    printf 'installing %s %s (a minute or two)\n' "$1" "$2"
    # Not optimised: they are built once and run for seconds.
    cargo install "$1" --version "$2" --root "$mct_tools" --debug --quiet "${@:3}"
}

mct_wasm_target() {
    command -v rustup >/dev/null || return 1
    rustup target list --installed | grep -qx wasm32-unknown-unknown ||
        timeout 300 rustup target add wasm32-unknown-unknown >/dev/null 2>&1
}

mct_web_setup() {
    "$mct_tools/bin/wasm-bindgen" --version 2>/dev/null | grep -qF " $mct_bindgen" ||
        mct_install wasm-bindgen-cli "$mct_bindgen" --force || return 1
    "$mct_tools/bin/trunk" --version 2>/dev/null | grep -qF " $mct_trunk" ||
        mct_install trunk "$mct_trunk" --locked --force || return 1
    export PATH="$mct_tools/bin:$PATH"
    mct_wasm_target && return 0
    if [ ! -d /usr/lib/rustlib/src/rust/library ]; then
        [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            rustc-web cargo-web rust-web-src lld >/dev/null || return 1
    fi
    mkdir -p "$mct_tools/debian"
    ln -sf /usr/bin/cargo /usr/bin/rustc "$mct_tools/debian/"
    export PATH="$mct_tools/debian:$PATH" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    export CARGO_UNSTABLE_BUILD_STD=std,panic_abort
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(command -v wasm-ld || ls /usr/bin/wasm-ld-* | tail -n 1)
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
}

mct_web_setup
