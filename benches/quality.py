"""What is in a file: its frames, the bytes of its picture, and how like the source it looks (SSIM).

Frames are paired by their number and not by their time: all contenders keep every frame, but containers round
times. Files with another number of frames are refused. What it does not do: say how much likeness is enough.
"""

import re
import subprocess
import sys

# Each scaler favours its own: swscale is what the ffmpeg command uses by itself, zimg what reelmill scales with.
REFERENCES = {"swscale": "scale={}:{}:flags=bicubic", "zscale": "zscale={}:{}:f=bicubic"}


def probe(file, *words):
    """ffprobe's bare answer about the picture stream."""
    line = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-of", "csv=p=0", *words, file]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout


def seconds(file):
    return float(probe(file, "-show_entries", "format=duration"))


def frame_rate(file):
    above, below = probe(file, "-show_entries", "stream=r_frame_rate").strip().strip(",").split("/")
    return int(above) / int(below)


def size(file):
    """Width and height in pixels."""
    width, height = probe(file, "-show_entries", "stream=width,height").strip().strip(",").split(",")
    return int(width), int(height)


def picture(file):
    """Number and bytes of the picture's packets: neither sound nor container."""
    sizes = [int(line.strip(",")) for line in probe(file, "-show_entries", "packet=size").split()]
    return len(sizes), sum(sizes)


def ssim(ffmpeg, source, files):
    """Returns for each of `files`, all of one size, reference scaler -> SSIM over luma and chroma."""
    width, height = size(files[0])
    numbers = {file: picture(file)[0] for file in [source, *files]}
    if len(set(numbers.values())) != 1:
        sys.exit(f"frames cannot be paired: {numbers}")
    by_number = "settb=1/1000,setpts=N"
    names = [(scaler, index) for scaler in REFERENCES for index in range(len(files))]
    graph = [f"[0:v]{by_number},split={len(REFERENCES)}" + "".join(f"[{scaler}]" for scaler in REFERENCES)]
    for scaler, chain in REFERENCES.items():
        pads = "".join(f"[{scaler}{index}]" for index in range(len(files)))
        graph.append(f"[{scaler}]{chain.format(width, height)},format=yuv420p,split={len(files)}{pads}")
    for index in range(len(files)):
        pads = "".join(f"[{index}{scaler}]" for scaler in REFERENCES)
        graph.append(f"[{index + 1}:v]{by_number},split={len(REFERENCES)}{pads}")
    graph += [f"[{index}{scaler}][{scaler}{index}]ssim@{scaler}{index}[o{scaler}{index}]"
              for scaler, index in names]
    line = [ffmpeg, "-v", "info", "-nostdin", "-hide_banner"]
    for file in [source, *files]:
        line += ["-i", file]
    line += ["-filter_complex", ";".join(graph)]
    for scaler, index in names:
        line += ["-map", f"[o{scaler}{index}]"]
    text = subprocess.run([*line, "-f", "null", "-"], capture_output=True, text=True, check=True).stderr
    found = {name: float(score) for name, score in re.findall(r"\[ssim@(\w+) @ .* All:([0-9.]+)", text)}
    return [{scaler: found[f"{scaler}{index}"] for scaler in REFERENCES} for index in range(len(files))]
