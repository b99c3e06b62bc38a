#!/bin/sh
# Runs tests by their names under AddressSanitizer: scripts/asan.sh NAME... Our own code and the C shim are instrumented; of
# the linked libraries, which are not, what they allocate and copy is watched.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}

"$cargo" +nightly --version >/dev/null 2>&1 || {
    echo 'asan: a nightly compiler is needed: rustup toolchain install nightly' >&2
    exit 1
}
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS='-Zsanitizer=address' CFLAGS='-fsanitize=address'
export ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:${ASAN_OPTIONS:-}"
export LSAN_OPTIONS="suppressions=$PWD/scripts/leaks-of-libraries.txt:${LSAN_OPTIONS:-}"
exec "$cargo" +nightly test --locked --target "$host" --target-dir target/asan --test integration -- "$@"
