"""The measurement clip (21 s): every way of making the renditions side by side, the ratios of wall time, and
whether the outputs are as large and as like the source as those of the one-command ffmpeg.

What it does not do: long recordings, and what only shows on them (`long_clip.py`).
"""

import glob
import os

import ladder
import quality
import rounds

THREE, ALONE = "reelmill, three renditions", "reelmill, 720P alone"
# What reelmill's wall time may be at most, as a share of each contender's, and what it should be: with FFmpeg 5.1.
RATIOS = [("three commands", THREE, 0.55, 0.48), ("one command", THREE, 0.80, 0.70),
          ("split and zscale", THREE, 0.92, 0.85), ("720P alone", ALONE, 0.85, 0.78)]
JUDGED = "5.1"
# How far bytes (as a share) and SSIM may be from the anchor's.
BYTES_WITHIN, SSIM_WITHIN = 0.01, 0.002


def contenders(reelmill, ffmpegs, source, folder):
    ours = [(THREE, ["720P", "480P", "240P"]), (ALONE, ["720P"])]
    places = [f"{folder}/reelmill", f"{folder}/reelmill-alone"]
    found = [rounds.Contender(name, [ladder.transcode(reelmill, source, place, names=names)], place)
             for (name, names), place in zip(ours, places)]
    for version, ffmpeg in ffmpegs.items():
        out = f"{folder}/ffmpeg-{version}"
        singles = [ladder.one_output(ffmpeg, source, f"{out}-single", *size) for size in ladder.SIZES]
        alone = [ladder.one_output(ffmpeg, source, f"{out}-alone", *ladder.SIZES[0])]
        found += [
            rounds.Contender(f"ffmpeg {version}, three commands", singles, f"{out}-single"),
            rounds.Contender(f"ffmpeg {version}, one command", [ladder.one_command(ffmpeg, source, f"{out}-one")],
                             f"{out}-one"),
            rounds.Contender(f"ffmpeg {version}, split and zscale",
                             [ladder.split_and_zscale(ffmpeg, source, f"{out}-split")], f"{out}-split"),
            rounds.Contender(f"ffmpeg {version}, 720P alone", alone, f"{out}-alone"),
        ]
    return found


def measure(arguments, ffmpegs, source):
    """Runs this part, prints its tables, and returns the raw figures."""
    costs = rounds.interleaved(contenders(arguments.reelmill, ffmpegs, source, arguments.folder), arguments.runs)
    rounds.print_costs("contender", costs)
    ratios = compare_walls(costs, ffmpegs)
    outputs = compare_outputs(ffmpegs, source, arguments.folder)
    return {"costs": rounds.plain(costs), "ratios": ratios, "outputs": outputs}


def compare_walls(costs, ffmpegs):
    """Ratios of the medians; the spread is that of the ratios within each round."""
    figures = []
    for version in ffmpegs:
        for kind, ours, bound, aim in RATIOS:
            theirs = costs[f"ffmpeg {version}, {kind}"]
            ratio = rounds.median(costs[ours]).wall / rounds.median(theirs).wall
            each = [mine.wall / other.wall for mine, other in zip(costs[ours], theirs)]
            word = verdict(ratio, bound if version.startswith(JUDGED) else None, aim)
            figures.append({"of": ours, "against": f"ffmpeg {version}, {kind}", "ratio": ratio, "rounds": each,
                            "bound": bound, "aim": aim, "verdict": word})
    rounds.print_table(
        ["against", "wall time, ratio of medians", "in single rounds", "at most", "aim", "verdict"],
        [[row["against"], f"{row['ratio']:.2f}", f"{min(row['rounds']):.2f} to {max(row['rounds']):.2f}",
          f"{row['bound']:.2f}", f"{row['aim']:.2f}", row["verdict"]] for row in figures])
    return figures


def verdict(value, bound, aim=None):
    """One word or few: met (up to the bound, that included) or missed; told only where there is no bound."""
    if bound is None:
        return "told only"
    if value > bound:
        return "missed"
    return "met, and the aim" if aim is not None and value <= aim else "met"


def compare_outputs(ffmpegs, source, folder):
    """Bytes and SSIM against the one command of the first ffmpeg. The file's bytes are judged, and SSIM by either
    reference; the picture's bytes stand beside them, since the sound is the same in both and hides differences."""
    version, ffmpeg = next(iter(ffmpegs.items()))
    rows, figures = [], []
    for name, _, _ in ladder.SIZES:
        ours, = glob.glob(f"{glob.escape(folder)}/reelmill/*_{name}.flv")
        files = [ours, f"{folder}/ffmpeg-{version}-one/{name}.flv"]
        sizes = [os.path.getsize(file) for file in files]
        pictures = [quality.picture(file)[1] for file in files]
        scores = quality.ssim(ffmpeg, source, files)
        shares = [sizes[0] / sizes[1], pictures[0] / pictures[1]]
        away = {scaler: scores[0][scaler] - scores[1][scaler] for scaler in scores[0]}
        within = (abs(shares[0] - 1) <= BYTES_WITHIN
                  and all(abs(difference) <= SSIM_WITHIN for difference in away.values()))
        rows.append([name, sizes[0], *(f"{share:.4f}" for share in shares),
                     *(f"{scores[0][scaler]:.5f} ({away[scaler]:+.5f})" for scaler in away),
                     "met" if within else "missed"])
        figures.append({"rendition": name, "bytes": sizes, "picture_bytes": pictures, "ssim": scores,
                        "verdict": rows[-1][-1]})
    rounds.print_table(["rendition", "bytes", "of the anchor's", "picture alone",
                        *(f"SSIM to {scaler} (minus the anchor's)" for scaler in quality.REFERENCES),
                        f"within {BYTES_WITHIN:.0%} and {SSIM_WITHIN}"], rows)
    print(f"\nAnchor: ffmpeg {version}, one command, the same keyframe interval.")
    return figures
