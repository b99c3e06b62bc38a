#!/usr/bin/env python3
"""Compares reelmill with the ffmpeg command on a 1080p recording, side by side.

All contenders run once per round, in an order that changes from round to round, so that a noisy neighbour hits all
of them alike. Printed are medians (min to max), and ratios beside what they may be at most. Two parts: `table`, the
measurement clip (`table.py`), and `long`, more than a minute of it (`long_clip.py`).

What it does not do: judge settings. Every contender uses x264 veryfast CRF 24 and a keyframe every 4 s.

    python3 benches/against_ffmpeg.py --clip big_buck_bunny_720p.mp4 [--ffmpeg PATH]... [--part table,long]
                                      [--runs 5] [--folder DIR] [--json FILE]
"""

import argparse
import json
import os
import platform
import subprocess
import sys

import ladder
import long_clip
import rounds
import sources
import table

PARTS = {"table": table.measure, "long": long_clip.measure}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", required=True, help="a 720p clip of 25 frames a second to make the source from")
    parser.add_argument("--reelmill", default="target/release/reelmill")
    parser.add_argument("--ffmpeg", action="append", help="to compare with; repeatable, the first is the anchor")
    parser.add_argument("--part", type=lambda text: rounds.parts(text, PARTS), default=list(PARTS),
                        help="of table,long; both by default")
    parser.add_argument("--runs", type=int, default=5, help="rounds")
    parser.add_argument("--folder", default="target/against_ffmpeg", help="for the clips and all outputs")
    parser.add_argument("--json", help="a file for the raw figures")
    return parser.parse_args()


def main():
    arguments = parse()
    ffmpegs = ladder.present(arguments.ffmpeg or ["ffmpeg"])
    if not ffmpegs:
        sys.exit("no ffmpeg to compare with")
    os.makedirs(arguments.folder, exist_ok=True)
    source = f"{arguments.folder}/lesson1080.flv"
    sources.measurement(next(iter(ffmpegs.values())), arguments.clip, source)
    figures = {"machine": machine(arguments.reelmill), "runs": arguments.runs, "ffmpeg": ffmpegs}
    for name in arguments.part:
        figures[name] = PARTS[name](arguments, ffmpegs, source)
        if arguments.json:
            with open(arguments.json, "w", encoding="utf-8") as file:
                json.dump(figures, file, indent=1)


def machine(reelmill):
    version = subprocess.run([reelmill, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {"reelmill": version, "cores": os.cpu_count(), "system": platform.platform()}


if __name__ == "__main__":
    main()
