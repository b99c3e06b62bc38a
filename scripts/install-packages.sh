#!/bin/sh
# Installs the Debian packages that are missing for building (`build`) or also for testing (`test`); says nothing and
# touches nothing when all is there.
#
# It asks for what a package brings rather than for the package, so that an FFmpeg or clang of one's own will do.
# The names and versions repeat those of build.rs, which checks again: `cargo build` may be called without make.
set -eu

build_packages="gcc libc6-dev make pkg-config libclang-dev libavutil-dev libavcodec-dev libavformat-dev libavfilter-dev
libswscale-dev libswresample-dev"
# ffmpeg and ffprobe are what the tests compare with, strace kills runs at chosen system calls; nginx, curl and wget are
# the other end of downloads, redis-server that of messages; sqlite3 and python3 make what older systems left; chromium plays
# what was made; the rest makes disks that lose their power. The program itself never calls them.
test_packages="ffmpeg strace nginx curl wget redis-server sqlite3 e2fsprogs mount util-linux python3 chromium"

has_command() {
    command -v "$1" >/dev/null 2>&1
}

has_library() {
    has_command "${PKG_CONFIG:-pkg-config}" && "${PKG_CONFIG:-pkg-config}" --exists "$1 >= $2" 2>/dev/null
}

# Says whether one of its arguments, perhaps patterns without a match, is a file.
has_file() {
    for file in "$@"; do
        [ -e "$file" ] && return 0
    done
    return 1
}

# The library alone may be here for another program; bindings need clang's own headers as well.
has_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    has_file /usr/lib/llvm*/lib/libclang.so* /usr/lib/llvm*/lib/libclang-[0-9]*.so* /usr/lib/libclang.so* \
        /usr/lib64/libclang.so* /usr/lib64/llvm*/lib/libclang.so* /usr/local/lib/libclang.so* \
        /usr/local/llvm*/lib/libclang.so* &&
        has_file /usr/lib/llvm*/lib/clang/*/include/stddef.h /usr/lib/clang/*/include/stddef.h \
            /usr/lib64/clang/*/include/stddef.h /usr/local/lib/clang/*/include/stddef.h \
            /usr/local/llvm*/lib/clang/*/include/stddef.h
}

has_package() {
    case $1 in
    gcc) has_command cc || has_command gcc ;;
    libc6-dev) [ -e /usr/include/stdio.h ] || [ "$(uname -s)" != Linux ] ;;
    make | ffmpeg | strace | curl | wget | redis-server | sqlite3 | mount | python3 | chromium) has_command "$1" ;;
    # Where Debian puts them, which is not on everybody's path.
    nginx) has_command nginx || [ -x /usr/sbin/nginx ] ;;
    e2fsprogs) has_command mkfs.ext4 || [ -x /usr/sbin/mkfs.ext4 ] ;;
    util-linux) has_command unshare ;;
    pkg-config) has_command "${PKG_CONFIG:-pkg-config}" ;;
    libclang-dev) has_libclang ;;
    libavutil-dev) has_library libavutil 57.28 ;;
    libavcodec-dev) has_library libavcodec 59.37 ;;
    libavformat-dev) has_library libavformat 59.27 ;;
    libavfilter-dev) has_library libavfilter 8.44 ;;
    libswscale-dev) has_library libswscale 6.7 ;;
    libswresample-dev) has_library libswresample 4.7 ;;
    esac
}

# Prints those of its arguments that are missing.
missing_of() {
    for package in "$@"; do
        has_package "$package" || printf ' %s' "$package"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif has_command sudo; then
        sudo "$@"
    else
        echo "reelmill: neither root nor sudo; run this as root: $*" >&2
        exit 1
    fi
}

# Installs its arguments. The package lists are fetched only when the first try fails: mostly they are there. Its
# complaints are hidden, since those of the second try say the same.
apt_install() {
    set -- env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=120 "$@"
    as_root "$@" >/dev/null 2>&1 && return 0
    echo "reelmill: fetching the package lists first" >&2
    as_root apt-get update -qq >/dev/null
    as_root "$@" >/dev/null
}

case ${1:-} in
build) wanted=$build_packages ;;
test) wanted="$build_packages $test_packages" ;;
*)
    echo "usage: $0 build|test" >&2
    exit 2
    ;;
esac

# Unquoted on purpose, here and below: the lists are words.
missing=$(missing_of $wanted)
if [ -n "$missing" ]; then
    if ! has_command apt-get; then
        echo "reelmill: missing, by the names of Debian's packages:$missing" >&2
        echo "reelmill: there is no apt-get here; install what your system calls them, FFmpeg 5.1 or newer" >&2
        exit 1
    fi
    echo "reelmill: installing$missing (once)" >&2
    if ! apt_install $missing; then
        echo "reelmill: apt-get failed, see above; still missing:$(missing_of $wanted)" >&2
        exit 1
    fi
    missing=$(missing_of $wanted)
    if [ -n "$missing" ]; then
        echo "reelmill: installed, but still not found or too old:$missing (FFmpeg 5.1, Debian 12, is the oldest)" >&2
        exit 1
    fi
fi

cargo=${CARGO:-cargo}
if ! has_command "${cargo%% *}"; then
    echo "reelmill: no cargo; a Rust toolchain is needed (rust-version in Cargo.toml), see https://rustup.rs" >&2
    exit 1
fi
