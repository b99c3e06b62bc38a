#!/bin/sh
# Fuzzes one target of fuzz/ for a while: scripts/fuzz.sh TARGET SECONDS. Says what is missing, and makes the recordings to
# begin with; what it finds lies in fuzz/artifacts, and what it has learnt in fuzz/corpus.
set -eu
cd "$(dirname "$0")/.."
target=$1 seconds=$2
cargo=${CARGO:-cargo}

lacks() {
    echo "fuzz: $1" >&2
    exit 1
}
"$cargo" +nightly --version >/dev/null 2>&1 || lacks 'a nightly compiler is needed: rustup toolchain install nightly'
"$cargo" fuzz --version >/dev/null 2>&1 || "$cargo" install --locked cargo-fuzz

corpus=fuzz/corpus/$target
mkdir -p "$corpus"
if [ "$target" = media ]; then
    sound='-f lavfi -i sine=duration=0.4'
    picture='-f lavfi -i testsrc2=size=64x36:rate=10:duration=0.4'
    # Kept small: the fuzzer learns more from a kilobyte than from a megabyte.
    while read -r name codecs; do
        [ -s "$corpus/$name" ] && continue
        # shellcheck disable=SC2086 # words on purpose
        ffmpeg -v error -y $picture $sound -pix_fmt yuv420p $codecs "$corpus/$name"
    done <<'END'
flv.flv -c:v libx264 -preset ultrafast -c:a aac -b:a 32k
last.mp4 -c:v libx264 -preset ultrafast -c:a aac -b:a 32k
first.mp4 -c:v libx264 -preset ultrafast -c:a aac -b:a 32k -movflags +faststart
fragments.mp4 -c:v libx264 -preset ultrafast -c:a aac -b:a 32k -movflags +frag_keyframe+empty_moov
mkv.mkv -c:v libx264 -preset ultrafast -c:a aac -b:a 32k
ts.ts -c:v libx264 -preset ultrafast -c:a aac -b:a 32k
avi.avi -c:v mpeg4 -c:a mp2 -b:a 32k
wmv.wmv -c:v wmv2 -c:a wmav2 -b:a 32k
mpg.mpg -r 25 -c:v mpeg1video -c:a mp2 -b:a 32k
ogg.ogg -c:v libtheora -c:a libvorbis
webm.webm -c:v libvpx -c:a libvorbis
sorenson.flv -c:v flv1 -c:a libmp3lame -ar 22050 -b:a 32k
END
fi
# Whatever takes a minute hangs; more memory than a worker's child has is too much.
exec "$cargo" +nightly fuzz run "$target" -- -max_total_time="$seconds" -timeout=60 -rss_limit_mb=4096 -max_len=65536
