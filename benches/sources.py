"""Makes the recordings that are measured, out of small real clips. What is already there is left alone.

What it does not do: judge whether a clip is fit. The measurement source wants 720p at 25 frames a second.
"""

import math
import os
import subprocess

import quality


def measurement(ffmpeg, clip, path):
    """About four times the clip at 1080p: enlarged, given camera noise, H.264 at 5 Mbit/s and AAC in FLV."""
    if not os.path.exists(path):
        make(ffmpeg, ["-stream_loop", "3", "-i", clip, "-vf", "scale=1920:1080:flags=lanczos,noise=alls=5:allf=t",
                      "-c:v", "libx264", "-preset", "fast", "-b:v", "5M", "-maxrate", "7M", "-bufsize", "10M", "-g",
                      "100", "-c:a", "aac", "-b:a", "128k", "-ar", "44100", "-ac", "2"], path)


def long(ffmpeg, source, path, times):
    """The measurement source several times over, packets copied. Not by `-stream_loop`: it sets the parts a
    fraction of a frame apart, and a recording with uneven times is other work."""
    if os.path.exists(path):
        return
    whole_frames = math.ceil(quality.seconds(source) * 25) / 25
    part = f"file '{os.path.abspath(source)}'\nduration {whole_frames}\n"
    with open(f"{path}.parts", "w", encoding="utf-8") as file:
        file.write("ffconcat version 1.0\n" + part * times)
    make(ffmpeg, ["-f", "concat", "-safe", "0", "-i", f"{path}.parts", "-c", "copy"], path)


def raw(ffmpeg, source, paths, graph):
    """The source's pictures at three sizes, as bare frames: what an encoder alone is fed with."""
    line = [ffmpeg, "-v", "error", "-y", "-i", source, "-filter_complex", graph]
    for pad, path in zip("abc", paths):
        line += ["-map", f"[{pad}o]", "-fps_mode", "passthrough", "-f", "rawvideo", path]
    subprocess.run(line, check=True, stdin=subprocess.DEVNULL)


def make(ffmpeg, words, path):
    """Writes FLV under another name first, so that what an interrupted run left is not taken for whole."""
    line = [ffmpeg, "-v", "error", "-y", *words, "-f", "flv", f"{path}.part"]
    subprocess.run(line, check=True, stdin=subprocess.DEVNULL)
    os.replace(f"{path}.part", path)
