"""A recording of more than a minute: CPU against the floor, two jobs against one, memory against one ffmpeg.

The floor is what the work costs with nothing around it: decoding on one thread with zscale to three sizes, and the
three x264 encodes with one thread each. Encodes are fed from bare frames of the measurement clip, read as often as
the long recording repeats it (64 s of 720p would be 2.2 GB, 21 s are 0.7). What reading them costs is taken off.

What it does not do: show how work is resumed, or quality (`bd_rate.py`).
"""

import hashlib
import os
import shutil
import sys

import ladder
import rounds
import sources
import table

TIMES = 3
CPU_BOUND, JOBS_BOUND, MEMORY_BOUND = 1.06, 0.60, 1.30
DECODE, SCALED = "decode on one thread", "decode on one thread, three zscale"
# The three sizes at 12 bits a pixel, 600 frames, are 1.3 GB; and some room.
RAW_BYTES = 1_600_000_000


def measure(arguments, ffmpegs, source):
    """Runs this part, prints its tables, and returns the raw figures."""
    anchor = next(iter(ffmpegs.values()))
    long = f"{arguments.folder}/long1080.flv"
    sources.long(anchor, source, long, TIMES)
    raw_folder = f"{arguments.folder}/raw"
    paths = [f"{raw_folder}/{name}.yuv" for name, _, _ in ladder.SIZES]
    try:
        make_raw(anchor, source, raw_folder, paths)
        own = ours(arguments.reelmill, long, arguments.folder)
        others = one_commands(ffmpegs, long, arguments.folder)
        costs = rounds.interleaved([*own, *others, *floor(anchor, long, paths)], arguments.runs)
    finally:
        shutil.rmtree(raw_folder, ignore_errors=True)
    rounds.print_costs(f"{TIMES} times the clip", costs)
    figures, parts = judge(costs, ffmpegs)
    return {"costs": rounds.plain(costs), "figures": figures, "floor_cpu": parts,
            "same_bytes": same_bytes([contender.folder for contender in own])}


def make_raw(ffmpeg, source, folder, paths):
    os.makedirs(folder, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < RAW_BYTES:
        sys.exit(f"{folder} has {free / 1e9:.1f} GB left; bare frames need {RAW_BYTES / 1e9:.1f} for a while")
    sources.raw(ffmpeg, source, paths, ladder.three_zscale())


def ours(reelmill, long, folder):
    found = [("reelmill", "long", [])]
    if ladder.understands(reelmill, "--jobs", "1"):
        found += [(f"reelmill --jobs {jobs}", f"long-jobs-{jobs}", ["--jobs", str(jobs)]) for jobs in (2, 1)]
    else:
        print("skipped: this reelmill has no --jobs", file=sys.stderr)
    return [rounds.Contender(name, [ladder.transcode(reelmill, long, f"{folder}/{place}", *options)],
                             f"{folder}/{place}") for name, place, options in found]


def one_commands(ffmpegs, long, folder):
    places = [(version, ffmpeg, f"{folder}/long-ffmpeg-{version}") for version, ffmpeg in ffmpegs.items()]
    return [rounds.Contender(f"ffmpeg {version}, one command", [ladder.one_command(ffmpeg, long, place)], place)
            for version, ffmpeg, place in places]


def floor(ffmpeg, long, paths):
    """The parts of the floor. Their frames go to the null muxer: a file's bytes are next to nothing beside them."""
    decode = [ffmpeg, "-v", "error", "-threads", "1", "-filter_complex_threads", "1", "-i", long]
    scaled = [*decode, "-filter_complex", ladder.three_zscale()]
    for pad in "abc":
        scaled += ["-map", f"[{pad}o]"]
    found = [rounds.Contender(DECODE, [[*decode, "-map", "0:v", "-f", "null", "-"]]),
             rounds.Contender(SCALED, [[*scaled, "-c:v", "wrapped_avframe", "-f", "null", "-"]])]
    for (name, width, height), path in zip(ladder.SIZES, paths):
        read = [ffmpeg, "-v", "error", "-stream_loop", str(TIMES - 1), "-f", "rawvideo", "-pix_fmt", "yuv420p",
                "-s", f"{width}x{height}", "-framerate", "25", "-i", path]
        encode = [*read, *ladder.X264, "-threads", "1", "-f", "null", "-"]
        found += [rounds.Contender(f"read {name}", [[*read, "-f", "null", "-"]]),
                  rounds.Contender(f"read {name} and encode", [encode])]
    return found


def judge(costs, ffmpegs):
    """Prints the floor and the figures; returns both."""
    cpu = {name: rounds.median(rows).cpu for name, rows in costs.items()}
    parts = {SCALED: cpu[SCALED]}
    for name, _, _ in ladder.SIZES:
        parts[f"x264 -threads 1, {name}"] = cpu[f"read {name} and encode"] - cpu[f"read {name}"]
    total = sum(parts.values())
    rounds.print_table(["floor", "CPU s"],
                       [[name, f"{value:.2f}"] for name, value in [*parts.items(), ("sum", total)]])
    figures = [("CPU, of the floor", cpu["reelmill"] / total, CPU_BOUND)]
    two, one = costs.get("reelmill --jobs 2"), costs.get("reelmill --jobs 1")
    if two and one:
        figures.append(("wall time of --jobs 2, of --jobs 1",
                        rounds.median(two).wall / rounds.median(one).wall, JOBS_BOUND))
    for version in ffmpegs:
        theirs = rounds.median(costs[f"ffmpeg {version}, one command"]).peak
        bound = MEMORY_BOUND if version.startswith(table.JUDGED) else None
        share = rounds.median(costs["reelmill"]).peak / theirs
        figures.append((f"peak memory, of ffmpeg {version}'s", share, bound))
    figures = [{"figure": name, "measured": value, "bound": bound, "verdict": table.verdict(value, bound)}
               for name, value, bound in figures]
    rounds.print_table(["figure", "measured", "at most", "verdict"],
                       [[row["figure"], f"{row['measured']:.3f}", row["bound"] or "", row["verdict"]]
                        for row in figures])
    return figures, parts


def same_bytes(folders):
    """Whether any number of jobs wrote the same bytes; None where there was one way only."""
    if len(folders) < 2:
        return None
    hashes = [[sha256(f"{folder}/{name}") for name in sorted(os.listdir(folder))] for folder in folders]
    same = all(found == hashes[0] for found in hashes)
    print(f"\nBytes with any number of jobs: {'the same' if same else 'NOT the same'}.")
    return same


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
