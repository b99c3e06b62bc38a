#!/usr/bin/env python3
"""Compares `reelmill fetch` with wget and curl against an nginx on this machine, in two parts.

`rate`: how near to its limit a download keeps. Alone, one after another, from its first bytes on: the mean over the
whole time, and the 5 s that are farthest from the limit. reelmill is read from its progress lines, the others by the
length of their file.
`speed`: a large file without a limit, on the disk and hashed, in interleaved rounds. reelmill syncs and hashes by
itself; curl and wget are followed by `sync` and `sha256sum`.

What it does not do: share a limit between several downloads, which the tests of the library do, or leave the machine.

    python3 benches/download.py [--part rate,speed] [--seconds 30] [--limit 1000] [--size 1000000000] [--runs 5]
                                [--reelmill PATH] [--folder DIR] [--json FILE]
"""

import argparse
import bisect
import contextlib
import json
import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
import time

import rounds

# Whoever serves must not be what is measured.
NGINX_CONF = """daemon off; master_process off; pid pid;
events {{ worker_connections 64; }}
http {{
client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
access_log off; sendfile on; tcp_nopush on;
server {{ listen 127.0.0.1:{port}; root files; }}
}}
"""
PATIENCE_SECONDS = 20
LOOK_SECONDS = 0.05
WINDOW_SECONDS = 5
# Of the limit: over the whole time, and over any window.
MEAN_WITHIN, WINDOW_WITHIN = 0.01, 0.05
# Of the wall time of each.
SPEED_AT_MOST = {"curl, sync, sha256sum": 1.1, "wget, sync, sha256sum": 0.8}


@contextlib.contextmanager
def origin(folder):
    """A running nginx; gives the address before a file's name. Its files lie in `files` under the folder."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or sys.exit("no nginx")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as file:
        file.write(NGINX_CONF.format(port=port))
    line = [program, "-e", "stderr", "-c", "nginx.conf", "-p", os.path.abspath(folder)]
    with open(f"{folder}/error.log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(line, stderr=log, stdout=log)
    try:
        begin = time.monotonic()
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if server.poll() is not None or time.monotonic() - begin > PATIENCE_SECONDS:
                sys.exit(f"nginx does not answer; see {folder}/error.log")
            time.sleep(LOOK_SECONDS)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.kill()
        server.wait()


def noise(path, size):
    """A file that nothing can compress; made anew only where its length is another."""
    if os.path.exists(path) and os.path.getsize(path) == size:
        return
    with open(path, "wb") as file:
        for at in range(0, size, 1 << 20):
            file.write(os.urandom(min(1 << 20, size - at)))
        os.fsync(file.fileno())


def stop(process):
    process.terminate()
    process.wait()


def follow_lines(line, seconds):
    """Runs reelmill and returns (seconds, bytes) as its progress tells them."""
    process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
    samples = []
    try:
        for text in process.stderr:
            if not text.startswith("{"):
                continue
            told = json.loads(text)
            if told["bytes"] > 0:
                samples.append((told["seconds"], told["bytes"]))
            # One line more than is asked for, so that the last window is whole.
            if samples and samples[-1][0] - samples[0][0] > seconds:
                break
    finally:
        stop(process)
        process.stderr.close()
    return samples


def follow_file(line, path, seconds):
    """Runs a command line and returns (seconds, bytes) by the length of its file."""
    process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    samples, begin = [], time.monotonic()
    try:
        while process.poll() is None and time.monotonic() - begin < seconds + PATIENCE_SECONDS:
            size = os.path.getsize(path) if os.path.exists(path) else 0
            if size > 0:
                samples.append((time.monotonic() - begin, size))
            if samples and samples[-1][0] - samples[0][0] > seconds:
                break
            time.sleep(LOOK_SECONDS)
    finally:
        stop(process)
    return samples


def rates(samples, span):
    """Bytes per second over every stretch of `span` seconds, by the nearest samples."""
    times = [at for at, _ in samples]
    found = []
    for at, count in samples:
        index = bisect.bisect_left(times, at + span)
        if index < len(samples):
            found.append((samples[index][1] - count) / (samples[index][0] - at))
    return found


def measure_rate(arguments, url, folder):
    limit = arguments.limit * 1024
    noise(f"{folder}/files/limited", int(limit * (arguments.seconds + 15) * 2))
    url += "limited"
    output = f"{folder}/out"
    text = f"{arguments.limit}k"
    contenders = {
        "reelmill": lambda: follow_lines([arguments.reelmill, "fetch", url, "-o", f"{output}/reelmill", "--allow",
                                          "127.0.0.0/8", "--limit-rate", text, "--progress", "json", "--json"],
                                         arguments.seconds),
        "wget": lambda: follow_file(["wget", "-q", f"--limit-rate={text}", "-O", f"{output}/wget", url],
                                    f"{output}/wget", arguments.seconds),
        "curl": lambda: follow_file(["curl", "-sS", "--limit-rate", text, "-o", f"{output}/curl", url],
                                    f"{output}/curl", arguments.seconds),
    }
    figures, rows = {}, []
    for name, follow in contenders.items():
        rounds.empty(output)
        print(f"{name}: {arguments.seconds} s at {text}", file=sys.stderr, flush=True)
        samples = follow()
        windows = rates(samples, min(WINDOW_SECONDS, arguments.seconds / 2))
        if not windows:
            sys.exit(f"{name} brought next to nothing: {samples}")
        mean = (samples[-1][1] - samples[0][1]) / (samples[-1][0] - samples[0][0]) / limit - 1
        worst = max((window / limit - 1 for window in windows), key=abs)
        met = abs(mean) <= MEAN_WITHIN and abs(worst) <= WINDOW_WITHIN
        figures[name] = {"mean": mean, "worst_window": worst, "samples": samples}
        rows.append([name, f"{mean:+.2%}", f"{worst:+.2%}", "met" if met else "missed"])
    rounds.print_table(["contender", "off over the whole time", f"at most off over {WINDOW_SECONDS} s",
                        f"within {MEAN_WITHIN:.0%} and {WINDOW_WITHIN:.0%}"], rows)
    return figures


def measure_speed(arguments, url, folder):
    noise(f"{folder}/files/large", arguments.size)
    url += "large"
    output = f"{folder}/out"
    file = shlex.quote(f"{output}/large")

    def then_kept(command):
        return [["sh", "-c", f"{command} {file} {url} && sync {file} && sha256sum {file}"]]

    contenders = [
        rounds.Contender("reelmill", [[arguments.reelmill, "fetch", url, "-o", f"{output}/large", "--allow",
                                       "127.0.0.0/8", "--limit-rate", "0", "--progress", "none", "--json"]], output),
        rounds.Contender("curl, sync, sha256sum", then_kept("curl -sS -o"), output),
        rounds.Contender("wget, sync, sha256sum", then_kept("wget -q -O"), output),
    ]
    costs = rounds.interleaved(contenders, arguments.runs)
    rounds.empty(output)
    rounds.print_costs("contender", costs)
    rows, ratios = [], {}
    for name, bound in SPEED_AT_MOST.items():
        ratio = rounds.median(costs["reelmill"]).wall / rounds.median(costs[name]).wall
        each = [ours.wall / theirs.wall for ours, theirs in zip(costs["reelmill"], costs[name])]
        ratios[name] = {"ratio": ratio, "rounds": each, "bound": bound}
        rows.append([name, f"{ratio:.2f}", f"{min(each):.2f} to {max(each):.2f}", f"{bound:.2f}",
                     "met" if ratio <= bound else "missed"])
    rounds.print_table(["against", "wall time, ratio of medians", "in single rounds", "at most", "verdict"], rows)
    return {"costs": rounds.plain(costs), "ratios": ratios}


PARTS = {"rate": measure_rate, "speed": measure_speed}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reelmill", default="target/release/reelmill")
    parser.add_argument("--part", type=lambda text: rounds.parts(text, PARTS), default=list(PARTS),
                        help="of rate,speed; both by default")
    parser.add_argument("--seconds", type=float, default=30, help="how long each limited download is watched")
    parser.add_argument("--limit", type=int, default=1000, help="KiB per second")
    parser.add_argument("--size", type=int, default=1_000_000_000, help="bytes of the unlimited download")
    parser.add_argument("--runs", type=int, default=5, help="rounds of the unlimited download")
    parser.add_argument("--folder", default="target/download", help="for the files of the origin and all outputs")
    parser.add_argument("--json", help="a file for the raw figures")
    arguments = parser.parse_args()
    os.makedirs(f"{arguments.folder}/files", exist_ok=True)
    figures = {"system": platform.platform(), "cores": os.cpu_count(), "runs": arguments.runs}
    with origin(arguments.folder) as url:
        for name in arguments.part:
            figures[name] = PARTS[name](arguments, url, arguments.folder)
            if arguments.json:
                with open(arguments.json, "w", encoding="utf-8") as file:
                    json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
