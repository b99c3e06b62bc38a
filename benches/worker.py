#!/usr/bin/env python3
"""Measures the daemon beside a real Redis of its own, with AOF every second, on this machine.

`intake`: bookings waiting in the stream when the worker starts, each of another class: how many a second become durable
(transaction on the disk, then acknowledged), sustained over all of them.
`latency`: bookings at a steady rate: from the moment at which Redis has one to that at which `booking.accepted` of it is
back in Redis, so that reading, deciding, the commit and the delivery of the event are all in it.
`start`: from the start of the process to its ready line, with 1,000 files and 100,000 finished bookings and jobs; the files
are small and real, the rows are written by the sqlite3 command beside a stopped worker.

    python3 benches/worker.py [--part intake,latency,start] [--bookings 60000] [--rate 300] [--seconds 20] [--runs 5]
                              [--reelmill PATH] [--folder DIR] [--json FILE]
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

PATIENCE_SECONDS = 120
# What the node is to reach.
INTAKE_AT_LEAST, LATENCY_AT_MOST_MS, START_AT_MOST_SECONDS = 3000, 50, 0.5
FILES, ROWS = 1000, 100_000
RECORDS = 50


class Redis:
    """A redis-server, and the few words of its protocol that are needed here."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        os.makedirs(folder, exist_ok=True)
        line = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        line += ["--appendonly", "yes", "--appendfsync", "everysec"]
        self.process = subprocess.Popen(line, stdout=subprocess.DEVNULL)
        self.socket = None
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.socket is None:
            try:
                self.socket = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                if time.monotonic() > deadline:
                    sys.exit("redis-server does not answer")
                time.sleep(0.01)
        self.file = self.socket.makefile("rb")

    def send(self, *commands):
        """Sends commands, each a list of words, and returns their answers."""
        text = b"".join(
            b"*%d\r\n" % len(words)
            + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in (str(word).encode() for word in words))
            for words in commands
        )
        self.socket.sendall(text)
        return [self.answer() for _ in commands]

    def answer(self):
        head = self.file.readline().rstrip()
        kind, rest = head[:1], head[1:]
        if kind in (b"+", b"-"):
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode()
        return None if rest == b"-1" else [self.answer() for _ in range(int(rest))]

    def stop(self):
        self.process.kill()
        self.process.wait()


def booking(number):
    """A class of its own, one of a few renditions that the cloud is asked for: no file moves."""
    return json.dumps({
        "cmd": "booking", "class_id": f"c-{number}", "institution_id": "22", "course_name": "Algebra 3",
        "record_id": 6000 + number % RECORDS, "video_url": f"http://127.0.0.1:9/{number % RECORDS}.flv",
        "video_resolution": "720P", "priority": 50,
    })


@contextlib.contextmanager
def worker(args, folder, redis=None):
    """A running worker, from its start to its clean end; gives the seconds until it was ready."""
    os.makedirs(folder, exist_ok=True)
    config = f"{folder}/reelmill.toml"
    text = f'data_folder = "{folder}/data"\n[api]\nlisten = "127.0.0.1:0"\n'
    text += f'[cache]\nroot = "{folder}/cache"\nfree_bytes_min = "0"\ncount_max = 100000\n'
    text += '[download]\nallow = ["127.0.0.0/8"]\n[transcode]\nproviders = ["oss"]\n[oss]\nurl = "http://127.0.0.1:9/"\n'
    if redis:
        text += f'[redis]\nurl = "redis://127.0.0.1:{redis.port}/0"\n'
    with open(config, "w", encoding="utf-8") as file:
        file.write(text)
    began = time.monotonic()
    process = subprocess.Popen([args.reelmill, "worker", "--config", config], stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if line.startswith("ready"):
                break
        else:
            sys.exit("the worker ended before it was ready")
        yield time.monotonic() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        process.wait()


def intake(args, folder):
    redis = Redis(f"{folder}/redis")
    try:
        for first in range(0, args.bookings, 1000):
            numbers = range(first, min(first + 1000, args.bookings))
            redis.send(*(["XADD", "reelmill:bookings", "*", "message", booking(number)] for number in numbers))
        with worker(args, folder, redis):
            began = time.monotonic()
            deadline = began + PATIENCE_SECONDS
            while True:
                groups = redis.send(["XINFO", "GROUPS", "reelmill:bookings"])[0]
                if isinstance(groups, list) and groups:
                    group = dict(zip(groups[0][::2], groups[0][1::2]))
                    if group["entries-read"] == args.bookings and group["pending"] == 0:
                        break
                if time.monotonic() > deadline:
                    sys.exit(f"not all bookings were taken: {groups}")
                time.sleep(0.01)
            took = time.monotonic() - began
    finally:
        redis.stop()
    return {"bookings": args.bookings, "seconds": took, "per_second": args.bookings / took}


def latency(args, folder):
    redis = Redis(f"{folder}/redis")
    sent = {}
    try:
        with worker(args, folder, redis):
            began = time.monotonic()
            for number in range(args.rate * args.seconds):
                wait = began + number / args.rate - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                entry = redis.send(["XADD", "reelmill:bookings", "*", "message", booking(number)])[0]
                sent[f"c-{number}"] = int(entry.split("-")[0])
            took, last, deadline = {}, "-", time.monotonic() + PATIENCE_SECONDS
            while len(took) < len(sent) and time.monotonic() < deadline:
                entries = redis.send(["XRANGE", "reelmill:events", last if last == "-" else f"({last}", "+", "COUNT", "5000"])[0]
                for name, fields in entries:
                    last = name
                    event = json.loads(fields[1])
                    if event["type"] == "booking.accepted":
                        took.setdefault(event["class_id"], int(name.split("-")[0]) - sent[event["class_id"]])
                if not entries:
                    time.sleep(0.05)
    finally:
        redis.stop()
    if len(took) < len(sent):
        sys.exit(f"{len(sent) - len(took)} bookings were never accepted")
    ordered = sorted(took.values())
    at = lambda share: ordered[min(len(ordered) - 1, int(len(ordered) * share))]
    return {"rate": args.rate, "bookings": len(ordered), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": ordered[-1]}


def fill(folder):
    """Writes files, and rows that have ended, into the state of a stopped worker."""
    root, now = f"{folder}/cache", int(time.time() * 1000)
    files = []
    for number in range(FILES):
        os.makedirs(f"{root}/{number}", exist_ok=True)
        with open(f"{root}/{number}/{number}.flv", "wb") as file:
            file.write(b"FLV\x01" + bytes(1020))
        stamp = os.stat(f"{root}/{number}/{number}.flv").st_mtime_ns
        files.append(f"('','{number}',0,'ready',1024,'{'0' * 64}',{stamp},'',{number + 1},{now},{now},'')")
    rows = f"WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {ROWS}) "
    sql = "BEGIN;" + "INSERT INTO cache_file (institution, record, resolution, state, bytes, sha256, modified_nanoseconds, " \
        "url, sequence, created_milliseconds, used_milliseconds, note) VALUES " + ",".join(files) + ";"
    sql += "INSERT INTO booking (institution, class_id, sequence, state, file_institution, record, resolution, url, body, " \
        "body_sha256, course_name, priority, due_milliseconds, error, reason, accepted_milliseconds, updated_milliseconds) " \
        + rows + f"SELECT '22', 'c-' || n, 1, 'over', '22', n, 720, '', '{{}}', '', '', 50, {now}, '', '', {now}, {now} FROM number;"
    sql += "INSERT INTO job (institution, kind, key, state, priority, attempt, input, created_milliseconds, " \
        "updated_milliseconds) " + rows + f"SELECT '22', 'fetch', n, 'done', 50, 1, '{{}}', {now}, {now} FROM number;COMMIT;"
    subprocess.run(["sqlite3", f"{folder}/data/reelmill.db"], input=sql, text=True, check=True)


def start(args, folder):
    with worker(args, folder):
        pass
    fill(folder)
    seconds = []
    for _ in range(args.runs):
        with worker(args, folder) as ready:
            seconds.append(ready)
    return {"files": FILES, "rows": 2 * ROWS, "median_seconds": statistics.median(seconds), "seconds": seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", default="intake,latency,start")
    parser.add_argument("--bookings", type=int, default=60_000)
    parser.add_argument("--rate", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--reelmill", default="target/release/reelmill")
    parser.add_argument("--folder", default="target/worker")
    parser.add_argument("--json")
    args = parser.parse_args()
    args.reelmill = os.path.abspath(args.reelmill)
    figures = {"machine": platform.platform(), "cores": os.cpu_count()}
    for part in args.part.split(","):
        folder = os.path.abspath(f"{args.folder}/{part}")
        shutil.rmtree(folder, ignore_errors=True)
        figures[part] = {"intake": intake, "latency": latency, "start": start}[part](args, folder)
        print(part, json.dumps(figures[part]), flush=True)
    bounds = [("intake", "per_second", lambda value: value >= INTAKE_AT_LEAST, INTAKE_AT_LEAST),
              ("latency", "p99_ms", lambda value: value <= LATENCY_AT_MOST_MS, LATENCY_AT_MOST_MS),
              ("start", "median_seconds", lambda value: value <= START_AT_MOST_SECONDS, START_AT_MOST_SECONDS)]
    for part, name, holds, bound in bounds:
        if part in figures:
            print(f"{part}: {name} {figures[part][name]:.3f}, bound {bound}: {'kept' if holds(figures[part][name]) else 'MISSED'}")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)


main()
