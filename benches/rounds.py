"""Runs command lines in interleaved rounds and tells what they cost: wall time, CPU time, peak memory.

Also what every comparison's own command line shares. What it does not do: know what the command lines are for, or print
tables about more than cost.
"""

import argparse
import dataclasses
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
import typing


class Cost(typing.NamedTuple):
    """What one run took."""

    wall: float
    cpu: float
    peak: int


@dataclasses.dataclass
class Contender:
    """Something to measure: command lines that run one after another, and the folder that they write to."""

    name: str
    lines: list
    folder: str = ""


def run(lines):
    """Runs command lines one after another; times add up, of peaks the highest counts."""
    total = Cost(0.0, 0.0, 0)
    for line in lines:
        begin = time.monotonic()
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"failed with {process.returncode}: {' '.join(line)}")
        cpu = usage.ru_utime + usage.ru_stime
        total = Cost(total.wall + wall, total.cpu + cpu, max(total.peak, usage.ru_maxrss * 1024))
    return total


def empty(folder):
    """Makes the folder empty: no earlier output is overwritten, no interrupted run taken up."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)


def interleaved(contenders, count):
    """Returns name -> costs, one for each of `count` rounds. A round's order is its own, the same in every call."""
    costs = {contender.name: [] for contender in contenders}
    for number in range(count):
        order = list(contenders)
        random.Random(number).shuffle(order)
        for contender in order:
            if contender.folder:
                empty(contender.folder)
            cost = run(contender.lines)
            costs[contender.name].append(cost)
            print(f"round {number + 1} of {count}: {contender.name}: {cost.wall:.2f} s, CPU {cost.cpu:.2f} s",
                  file=sys.stderr, flush=True)
    return costs


def median(costs):
    """The median of each column by itself."""
    return Cost(*(statistics.median(column) for column in zip(*costs)))


def spread(values, places):
    """`median (min to max)`; the value alone where there is no more than one."""
    middle = f"{statistics.median(values):.{places}f}"
    return f"{middle} ({min(values):.{places}f} to {max(values):.{places}f})" if len(values) > 1 else middle


def print_table(head, rows):
    """A table in Markdown."""
    print(f"\n| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")
    sys.stdout.flush()


def print_costs(title, costs):
    """A row for each contender."""
    rows = []
    for name, found in costs.items():
        walls, cpus, peaks = zip(*found)
        rows.append([name, spread(walls, 2), spread(cpus, 2), spread([peak / 2**20 for peak in peaks], 0)])
    print_table([title, "wall s (min to max)", "CPU s (min to max)", "peak MiB (min to max)"], rows)


def plain(costs):
    """Costs as they go into a JSON file."""
    return {name: [cost._asdict() for cost in rows] for name, rows in costs.items()}


def parts(text, known):
    """Reads `--part a,b`: names of `known`."""
    names = text.split(",")
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"no part {name!r}; there are {', '.join(known)}")
    return names
