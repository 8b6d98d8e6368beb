#!/usr/bin/env python3
"""Figures and plot of the vector benchmark: vector_report.py wall|cpu CURVES FIGURES SVG

CURVES: lines "set side label recall qps p50 p99 others cpu", FIGURES: lines "set name value...", both separated by tabs, as bench/vector.sh
collects them. Prints the benchmark's lines "NAME VALUE UNIT VERSUS" and writes the recall-QPS curves as SVG. With "cpu", speeds are those of the processor time
that queries and inserts took, which other work on the machine disturbs less.
"""
import math
import sys
from collections import defaultdict

LEVELS = (90, 95, 99)
SIDES = {"pgml": ("pgml_am faiss", "#c0392b"), "hnsw": ("pgvector HNSW", "#2c6fbb"), "faiss": ("FAISS in process", "#7f8c8d")}


def read(path):
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file]


def frontier(points):
    """The settings that no other one beats in both recall and speed, by recall."""
    best = []
    for recall, qps in sorted(points, key=lambda p: (-p[0], -p[1])):
        if not best or qps > best[-1][1]:
            best.append((recall, qps))
    return best[::-1]


def qps_at(points, recall):
    """QPS at a recall: between two settings by a straight line through log(QPS); None where it is not reached. A set whose fastest
    setting has a higher recall already gives that setting's QPS."""
    line = frontier(points)
    if not line or line[-1][0] < recall:
        return None
    if line[0][0] >= recall:
        return line[0][1]
    for (r0, q0), (r1, q1) in zip(line, line[1:]):
        if r0 <= recall <= r1:
            share = (recall - r0) / (r1 - r0)
            return math.exp(math.log(q0) + share * (math.log(q1) - math.log(q0)))
    return None


def speeds(name, curves, emit):
    """QPS at the three recalls for all sides, ours against HNSW's."""
    for level in LEVELS:
        at = {side: qps_at(curves[side], level / 100) for side in curves}
        for side in ("hnsw", "faiss"):
            if at.get(side):
                emit(f"vector.{name}.{side}{level}", at[side], "QPS")
        if not at.get("pgml"):
            continue
        versus = f"vector.{name}.hnsw{level}" if at.get("hnsw") else "-"
        if versus == "-" and curves.get("hnsw"):
            # HNSW does not come that far: its most exact setting, which is less exact than ours, gives the least the ratio can be.
            recall, qps = frontier(curves["hnsw"])[-1]
            versus = f"vector.{name}.hnsw_at_{recall:.3f}"
            emit(versus, qps, "QPS")
        emit(f"vector.{name}.recall{level}", at["pgml"], "QPS", versus)
        if name == "words" and level == 99:
            emit("vector.words.qps99", at["pgml"], "QPS")
        if name == "words" and level == 95 and at.get("faiss"):
            emit("vector.words.share_of_faiss95", at["pgml"], "QPS", "vector.words.faiss95")


def others(name, figures, by, emit):
    """Build, size, inserts, WAL: ratios above 1 are ours where more is better, below 1 where less is."""
    def value(key, column=0):
        return float(figures[key][column]) if key in figures and figures[key][column:] else None

    def both(figure, unit, side_value, turn=None):
        ours, theirs = side_value(f"pgml.{figure}"), side_value(f"hnsw.{figure}")
        if ours is None:
            return
        if theirs is not None:
            emit(f"vector.{name}.{figure}_hnsw", turn(theirs) if turn else theirs, unit)
        emit(f"vector.{name}.{figure}", turn(ours) if turn else ours, unit, f"vector.{name}.{figure}_hnsw" if theirs is not None else "-")

    # Builds as rows of speed, so that the ratio says how many times faster.
    for side in ("pgml", "hnsw", "faiss"):
        seconds = value(f"{side}.build")
        if seconds is not None:
            emit(f"vector.{name}.build_seconds_{side}", seconds, "s")
    both("build", "builds/h", value, lambda seconds: 3600 / seconds)
    both("size", "MB", value, lambda size: size / 1e6)
    both("insert", "rows/s", lambda key: value(key, 2 if by == "cpu" else 0))
    both("insert_p99", "ms", lambda key: value(key.replace("insert_p99", "insert"), 1))
    both("wal", "bytes/row", value)
    both("vacuum", "s", value)
    one, two = value("pgml.clients"), value("pgml.clients", 1)
    if one and two:
        emit("vector.one_client", one, "QPS")
        emit("vector.two_clients", two, "QPS", "vector.one_client")


def svg(curves, path):
    """Panels side by side, recall stretched towards 1, QPS on a logarithmic scale."""
    width, height, left, top, gap = 430, 330, 58, 34, 14
    ticks = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)

    def stretch(recall):
        return -math.log10(1.0004 - min(recall, 1.0))

    names = list(curves)
    columns = min(2, len(names))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{columns * (width + gap)}" height="{-(-len(names) // columns) * (height + gap)}" '
           'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>']
    for number, name in enumerate(names):
        x0, y0 = (number % columns) * (width + gap) + left, (number // columns) * (height + gap) + top
        w, h = width - left - 10, height - top - 40
        rates = [qps for side in curves[name].values() for recall, qps in side if recall >= ticks[0]]
        low, high = math.floor(math.log10(min(rates))), math.ceil(math.log10(max(rates)))

        def x(recall):
            return x0 + w * (stretch(recall) - stretch(ticks[0])) / (stretch(1) - stretch(ticks[0]))

        def y(qps):
            return y0 + h * (high - math.log10(qps)) / max(high - low, 1)

        out.append(f'<text x="{x0}" y="{y0 - 14}" font-size="13" font-weight="bold">{name}: queries per second by recall of 10</text>')
        for tick in ticks:
            out.append(f'<path d="M{x(tick):.1f} {y0}V{y0 + h}" stroke="#ddd"/>'
                       f'<text x="{x(tick):.1f}" y="{y0 + h + 14}" text-anchor="middle">{tick:g}</text>')
        for power in range(low, high + 1):
            out.append(f'<path d="M{x0} {y(10 ** power):.1f}H{x0 + w}" stroke="#ddd"/>'
                       f'<text x="{x0 - 6}" y="{y(10 ** power) + 4:.1f}" text-anchor="end">{10 ** power:,}</text>')
        for row, (side, points) in enumerate(curves[name].items()):
            label, colour = SIDES[side]
            line = [(recall, qps) for recall, qps in frontier(points) if recall >= ticks[0]]
            if not line:
                continue
            path_data = "M" + "L".join(f"{x(recall):.1f} {y(qps):.1f}" for recall, qps in line)
            out.append(f'<path d="{path_data}" fill="none" stroke="{colour}" stroke-width="2"/>')
            out += [f'<circle cx="{x(recall):.1f}" cy="{y(qps):.1f}" r="2.5" fill="{colour}"/>' for recall, qps in line]
            out.append(f'<text x="{x0 + 8}" y="{y0 + h - 8 - 14 * row}" fill="{colour}">{label}</text>')
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


def main():
    by, curves_path, figures_path, svg_path = sys.argv[1:]
    curves, figures = defaultdict(lambda: defaultdict(list)), defaultdict(dict)
    for name, side, _, recall, qps, _, _, _, cpu_ms in read(curves_path):
        curves[name][side].append((float(recall), 1000 / float(cpu_ms) if by == "cpu" else float(qps)))
    for name, key, *values in read(figures_path):
        figures[name][key] = values

    def emit(name, value, unit, versus="-"):
        print(f"{name}\t{value:.4g}\t{unit}\t{versus}" if value < 1000 else f"{name}\t{value:.0f}\t{unit}\t{versus}")

    for name in curves:
        speeds(name, curves[name], emit)
        others(name, figures[name], by, emit)
    svg(curves, svg_path)


main()
