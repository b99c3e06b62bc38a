#!/usr/bin/env python3
"""Turns what a terminal shows into an SVG picture: the one in README.md is made of a real run, not drawn.

    tmux capture-pane -p -e | scripts/terminal_svg.py --columns 100 > docs/run.svg

Knows the colours and the bold and dim of plain terminal text; nothing that moves the cursor.
"""

import argparse
import html
import re
import sys

COLOURS = {30: "#586069", 31: "#f97583", 32: "#85e89d", 33: "#ffea7f", 34: "#79b8ff", 35: "#b392f0", 36: "#73e3ff",
           37: "#d1d5da"}
CELL_WIDTH, CELL_HEIGHT, MARGIN = 8.4, 19, 16


def spans(line, style):
    """Yields (column, text, style) for each run of one style; `style` is what the line before ended in."""
    column = 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b["):
            for code in (int(code or 0) for code in part[2:-1].split(";")):
                if code == 0:
                    style = {}
                elif code == 1:
                    style = {**style, "font-weight": "bold"}
                elif code == 2:
                    style = {**style, "opacity": "0.6"}
                elif code == 39:
                    style = {key: value for key, value in style.items() if key != "fill"}
                elif code in COLOURS or code - 60 in COLOURS:
                    style = {**style, "fill": COLOURS.get(code) or COLOURS[code - 60]}
        elif part:
            yield column, part, style
            column += len(part)
    yield column, "", style


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--columns", type=int, default=100)
    columns = parser.parse_args().columns
    lines = sys.stdin.read().rstrip("\n").split("\n")
    width, height = columns * CELL_WIDTH + 2 * MARGIN, len(lines) * CELL_HEIGHT + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
          f'viewBox="0 0 {width:.0f} {height:.0f}">')
    print(f'<rect width="100%" height="100%" rx="8" fill="#1f2428"/>'
          f'<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="#e1e4e8" '
          f'xml:space="preserve">')
    style = {}
    for row, line in enumerate(lines):
        y = MARGIN + (row + 0.75) * CELL_HEIGHT
        for column, text, style in spans(line, style):
            if text.strip():
                looks = "".join(f' {key}="{value}"' for key, value in style.items())
                x, length = MARGIN + column * CELL_WIDTH, len(text) * CELL_WIDTH
                print(f'<text x="{x:.1f}" y="{y:.1f}" textLength="{length:.1f}"{looks}>{html.escape(text)}</text>')
    print("</g></svg>")


if __name__ == "__main__":
    main()
