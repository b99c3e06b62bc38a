#!/usr/bin/env python3
"""Compares reelmill with the ffmpeg command on one 1080p recording, side by side.

All contenders run once per round, in an order that changes from round to round, so that a noisy neighbour hits all of
them alike. Printed are medians of wall time, CPU time and peak memory, and the ratios of wall time that
docs/performance.md talks about. Then each rendition's bytes and SSIM are set against the one-command ffmpeg's.

What it does not do: judge settings. Every contender uses x264 veryfast CRF 24 and a keyframe every 4 s.

    python3 benches/against_ffmpeg.py --clip big_buck_bunny_720p.mp4 [--runs 5] [--ffmpeg PATH]... [--folder DIR]
"""

import argparse
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time

SIZES = [("720P", 1280, 720), ("480P", 854, 480), ("240P", 426, 240)]
X264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-g", "100", "-sc_threshold", "0"]


def make_source(ffmpeg, clip, path):
    """The measurement source: a small real clip, looped, enlarged and given camera noise."""
    if os.path.exists(path):
        return
    line = [ffmpeg, "-v", "error", "-y", "-stream_loop", "3", "-i", clip, "-vf",
            "scale=1920:1080:flags=lanczos,noise=alls=5:allf=t", "-c:v", "libx264", "-preset", "fast", "-b:v", "5M",
            "-maxrate", "7M", "-bufsize", "10M", "-g", "100", "-c:a", "aac", "-b:a", "128k", "-ar", "44100", "-ac",
            "2", "-f", "flv", path]
    subprocess.run(line, check=True)


def one_output(ffmpeg, source, folder, name, width, height):
    return [ffmpeg, "-v", "error", "-y", "-i", source, "-vf", f"scale={width}:{height}", *X264, "-c:a", "copy",
            f"{folder}/{name}.flv"]


def contenders(arguments, source, folder):
    """Returns name -> list of command lines to run one after another."""
    table = {"reelmill, three renditions": [[arguments.reelmill, "transcode", source, "-r", "720P", "-r", "480P",
                                            "-r", "240P", "-o", f"{folder}/reelmill/", "-y", "-q"]],
             "reelmill, 720P alone": [[arguments.reelmill, "transcode", source, "-r", "720P", "-o",
                                       f"{folder}/reelmill-alone/", "-y", "-q"]]}
    for ffmpeg in arguments.ffmpeg:
        version = version_of(ffmpeg)
        if version is None:
            print(f"skipped: {ffmpeg} is not here", file=sys.stderr)
            continue
        out = f"{folder}/ffmpeg-{version}"
        for kind in ("single", "one", "split"):
            os.makedirs(f"{out}-{kind}", exist_ok=True)
        table[f"ffmpeg {version}, three commands"] = [
            one_output(ffmpeg, source, f"{out}-single", *size) for size in SIZES]
        line = [ffmpeg, "-v", "error", "-y", "-i", source]
        for name, width, height in SIZES:
            line += ["-map", "0", "-vf", f"scale={width}:{height}", *X264, "-c:a", "copy", f"{out}-one/{name}.flv"]
        table[f"ffmpeg {version}, one command"] = [line]
        graph = "[0:v]split=3[a][b][c];" + ";".join(
            f"[{pad}]zscale={width}:{height}:f=bicubic[{pad}o]" for pad, (_, width, height) in zip("abc", SIZES))
        line = [ffmpeg, "-v", "error", "-y", "-i", source, "-filter_complex", graph]
        for pad, (name, _, _) in zip("abc", SIZES):
            line += ["-map", f"[{pad}o]", "-map", "0:a", *X264, "-c:a", "copy", f"{out}-split/{name}.flv"]
        table[f"ffmpeg {version}, split and zscale"] = [line]
        table[f"ffmpeg {version}, 720P alone"] = [one_output(ffmpeg, source, f"{out}-single", *SIZES[0])]
    return table


def version_of(ffmpeg):
    try:
        text = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"version n?([0-9]+\.[0-9]+(\.[0-9]+)?)", text)
    return found.group(1) if found else "unknown"


def run(lines):
    """Returns wall seconds, CPU seconds and peak memory in bytes of command lines run one after another."""
    wall, cpu, peak = 0.0, 0.0, 0
    for line in lines:
        begin = time.monotonic()
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"failed with {process.returncode}: {' '.join(line)}")
        wall += time.monotonic() - begin
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss * 1024)
    return wall, cpu, peak


def ssim(ffmpeg, file, source, width, height):
    """SSIM of a rendition against the source at the rendition's size, by libavfilter."""
    graph = f"[1:v]scale={width}:{height}:flags=bicubic[r];[0:v][r]ssim"
    text = subprocess.run([ffmpeg, "-v", "info", "-i", file, "-i", source, "-lavfi", graph, "-f", "null", "-"],
                          capture_output=True, text=True, check=True).stderr
    return float(re.search(r"All:([0-9.]+)", text).group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", required=True, help="a 720p clip to make the measurement source from")
    parser.add_argument("--reelmill", default="target/release/reelmill")
    parser.add_argument("--ffmpeg", action="append", help="an ffmpeg to compare with; may be given again")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", default="target/against_ffmpeg")
    arguments = parser.parse_args()
    arguments.ffmpeg = arguments.ffmpeg or ["ffmpeg"]
    os.makedirs(arguments.folder, exist_ok=True)
    source = f"{arguments.folder}/lesson1080.flv"
    tool = shutil.which(arguments.ffmpeg[0]) or sys.exit(f"{arguments.ffmpeg[0]} is needed to make the source")
    make_source(tool, arguments.clip, source)
    table = contenders(arguments, source, arguments.folder)
    figures = {name: [] for name in table}
    for round_number in range(arguments.runs):
        names = list(table)
        random.Random(round_number).shuffle(names)
        for name in names:
            figures[name].append(run(table[name]))
            print(f"round {round_number + 1}: {name}: {figures[name][-1][0]:.2f} s", file=sys.stderr)
    report(figures)
    compare_outputs(tool, source, arguments.folder)


def report(figures):
    median = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in figures.items()}
    print("\n| contender | wall s (min to max) | CPU s | peak MiB | reelmill takes |\n| --- | --- | --- | --- | --- |")
    for name, (wall, cpu, peak) in median.items():
        walls = [row[0] for row in figures[name]]
        base = "reelmill, 720P alone" if "720P" in name else "reelmill, three renditions"
        print(f"| {name} | {wall:.2f} ({min(walls):.2f} to {max(walls):.2f}) | {cpu:.2f} | {peak / 2**20:.0f} "
              f"| {median[base][0] / wall:.2f} |")


def compare_outputs(ffmpeg, source, folder):
    anchor = next((entry for entry in sorted(os.listdir(folder)) if entry.endswith("-one")), None)
    if anchor is None:
        return
    stem = os.path.splitext(os.path.basename(source))[0]
    print("\n| rendition | bytes | of ffmpeg's | SSIM | minus ffmpeg's |\n| --- | --- | --- | --- | --- |")
    for name, width, height in SIZES:
        ours, theirs = f"{folder}/reelmill/{stem}_{name}.flv", f"{folder}/{anchor}/{name}.flv"
        sizes = os.path.getsize(ours), os.path.getsize(theirs)
        scores = [ssim(ffmpeg, file, source, width, height) for file in (ours, theirs)]
        print(f"| {name} | {sizes[0]} | {sizes[0] / sizes[1]:.4f} | {scores[0]:.5f} | {scores[0] - scores[1]:+.5f} |")


if __name__ == "__main__":
    main()
