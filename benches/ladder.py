"""The work that all contenders do (three renditions of a 1080p recording) as command lines, and who they are.

The settings are x264 veryfast CRF 24 with a keyframe every 4 s, sound copied. What it does not do: run anything but
`-version` and `--help`, or judge the settings.
"""

import re
import subprocess
import sys

SIZES = [("720P", 1280, 720), ("480P", 854, 480), ("240P", 426, 240)]
# 100 frames are 4 s: the measurement source has 25 frames a second.
X264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-g", "100", "-sc_threshold", "0"]


def version_of(ffmpeg):
    """The version that an ffmpeg tells of itself; None where there is none at this path."""
    try:
        text = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"version n?([0-9]+\.[0-9]+(\.[0-9]+)?)", text)
    return found.group(1) if found else "unknown"


def present(paths):
    """Returns version -> path of those that are there; says which are not, and which are there twice."""
    found = {}
    for path in paths:
        version = version_of(path)
        if version is None or version in found:
            why = "is not here" if version is None else f"is another {version}"
            print(f"skipped: {path} {why}", file=sys.stderr)
        else:
            found[version] = path
    return found


def understands(reelmill, *options):
    """Whether this reelmill has the options: words before `--help` are parsed before it answers."""
    return subprocess.run([reelmill, "transcode", *options, "--help"], capture_output=True).returncode == 0


def transcode(reelmill, source, folder, *options, names=("720P", "480P", "240P")):
    """A line of ours; defaults but for the renditions."""
    renditions = [word for name in names for word in ("-r", name)]
    return [reelmill, "transcode", source, *renditions, "-o", f"{folder}/", "-q", *options]


def one_output(ffmpeg, source, folder, name, width, height):
    """What people run for one rendition."""
    return [ffmpeg, "-v", "error", "-y", "-i", source, "-vf", f"scale={width}:{height}", *X264, "-c:a", "copy",
            f"{folder}/{name}.flv"]


def one_command(ffmpeg, source, folder):
    """One command with three outputs: the anchor for bytes, likeness and memory."""
    line = [ffmpeg, "-v", "error", "-y", "-i", source]
    for name, width, height in SIZES:
        line += ["-map", "0", "-vf", f"scale={width}:{height}", *X264, "-c:a", "copy", f"{folder}/{name}.flv"]
    return line


def three_zscale():
    """A graph that scales the first input's pictures to the three sizes with zimg, pads `ao`, `bo`, `co`."""
    return "[0:v]split=3[a][b][c];" + ";".join(
        f"[{pad}]zscale={width}:{height}:f=bicubic[{pad}o]" for pad, (_, width, height) in zip("abc", SIZES))


def split_and_zscale(ffmpeg, source, folder):
    """An expert's line."""
    line = [ffmpeg, "-v", "error", "-y", "-i", source, "-filter_complex", three_zscale()]
    for pad, (name, _, _) in zip("abc", SIZES):
        line += ["-map", f"[{pad}o]", "-map", "0:a", *X264, "-c:a", "copy", f"{folder}/{name}.flv"]
    return line
