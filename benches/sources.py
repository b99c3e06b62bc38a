"""Makes the recordings that are measured, out of small real clips. What is already there is left alone.

What it does not do: judge whether a clip is fit. The measurement source wants 720p at 25 frames a second.
"""

import math
import os
import subprocess

import quality

# A clip that runs forth and back is held in memory; longer ones are looped as they are.
FORTH_AND_BACK_SECONDS = 10


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


def varied(ffmpeg, clip, path, seconds):
    """A clip made long at 1080p without repeating itself: a slow zoom and pan and drifting light, with periods that
    are no multiple of the clip's length, and camera noise. Clips of a few seconds run forth and back, since a cut
    every few seconds would be there for the loop alone. A keyframe every 4 s, as recorders set them; no sound."""
    if os.path.exists(path):
        return
    rate = quality.frame_rate(clip)
    # Left, right, upper and lower edge of what is shown: 75 to 95 % of the picture, wandering.
    zoom = "(0.85+0.1*sin(2*PI*{t}/31))".format(t=f"(on/{rate:.6f})")
    across, down = (f"(1-{zoom})/2*(1+sin(2*PI*on/{rate * period:.3f}))" for period in (23, 17))
    left, right, upper, lower = f"W*{across}", f"W*({across}+{zoom})", f"H*{down}", f"H*({down}+{zoom})"
    corners = ":".join(f"x{i}='{x}':y{i}='{y}'" for i, (x, y) in enumerate(
        [(left, upper), (right, upper), (left, lower), (right, lower)]))
    # The wandering comes before the enlarging: it is by far the slowest step.
    chain = [f"perspective={corners}:interpolation=cubic:eval=frame",
             "scale=1920:1080:force_original_aspect_ratio=increase:flags=lanczos:out_range=limited",
             "crop=1920:1080", "format=yuv420p",
             "eq=brightness='0.05*sin(2*PI*t/41)':contrast='1+0.08*sin(2*PI*t/29)':eval=frame",
             "noise=alls=5:allf=t"]
    loop = ["-stream_loop", "-1", "-i", clip]
    if quality.seconds(clip) < FORTH_AND_BACK_SECONDS:
        loop = ["-i", clip]
        chain.insert(0, "split[forth][turned];[turned]reverse[back];[forth][back]concat,loop=loop=-1:size=32767")
    make(ffmpeg, [*loop, "-vf", ",".join(chain), "-t", str(seconds), "-an", "-c:v", "libx264", "-preset",
                  "veryfast", "-b:v", "5M", "-maxrate", "7M", "-bufsize", "10M", "-g", str(round(4 * rate))], path)


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
