#!/usr/bin/env python3
"""Trains the pairs of compare_pairs.py, ours through SQL, on equal rows, and scores both on the same held-out rows.

Toy sets are cut into five folds, each held out once; the predictions of all folds are scored together, once for each seed. Features are
rounded to float32 first, as pgml stores them. pgml.evaluate must give the same score as scikit-learn's own metric does for our
predictions, else the run ends with an error.

Prints NAME VALUE UNIT VERSUS for bench/run; --docs FILE puts them into the tables between the markers of that file.
"""
import argparse
import csv
import json
import math
import pathlib
import re
import subprocess
import sys
import time

import numpy
import sklearn
import sklearn.metrics
import xgboost
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler

from compare_pairs import pairs

FOLDS = 5
BEGIN, END = "<!-- bench compare: begin -->", "<!-- bench compare: end -->"
METRIC = {"regression": "r2", "classification": "accuracy", "clustering": "silhouette", "decomposition": "cumulative_explained_variance"}
UNLABELLED = ("clustering", "decomposition")
# Averages of few held-out rows need more seeds; large sets take time.
MORE_SEEDS = ((50, 12), (200, 4))  # below so many rows: so many times the seeds
MANY_ROWS = 1000
HIGGS_ROWS, HIGGS_TRAINING_ROWS = 7500, 5000


class DataSet:
    """Features as float32, target as float64, and the folds: (rows to train on, rows held out)."""

    def __init__(self, name, task, x, y, folds=None):
        self.name, self.task, self.table = name, task, f"compare.{name}_{task}"
        self.x, self.y = x.astype(numpy.float32), y
        if folds is None:
            cut = (StratifiedKFold if task == "classification" else KFold)(FOLDS, shuffle=True, random_state=1)
            folds = list(cut.split(x, y))
        self.folds = folds


def toy_set(folder, name, task, target):
    """A data set of pgml.load_dataset; `target` is the column to predict, None its last one. Arrays become columns."""
    with open(folder / f"{name}.csv", newline="") as file:
        header, *rows = csv.reader(file)
    number = lambda text: [{"t": 1.0, "f": 0.0}[text]] if text in "tf" else [float(v) for v in re.findall(r"[-+.\deE]+", text)]
    at = header.index(target) if target else len(header) - 1
    y = numpy.array([number(row[at])[0] for row in rows])
    x = numpy.array([[v for i, cell in enumerate(row) if i != at for v in number(cell)] for row in rows])
    return DataSet(name, task, x, y)


def higgs(folder):
    parts = [numpy.loadtxt(pathlib.Path(folder) / f"higgs_sample.{part}.tsv") for part in ("train", "test")]
    rows = numpy.concatenate(parts)[:HIGGS_ROWS]
    folds = [(numpy.arange(HIGGS_TRAINING_ROWS), numpy.arange(HIGGS_TRAINING_ROWS, len(rows)))]
    return [
        DataSet("higgs", "classification", rows[:, 1:], rows[:, 0], folds),
        # Its last column, an invariant mass, from the others.
        DataSet("higgs", "regression", rows[:, 1:-1], rows[:, -1], folds),
    ]


def data_sets(arguments):
    folder = pathlib.Path(arguments.datasets)
    found = [
        toy_set(folder, "diabetes", "regression", None),
        toy_set(folder, "wine", "regression", "alcohol"),
        toy_set(folder, "linnerud", "regression", "weight"),
        toy_set(folder, "breast_cancer", "classification", None),
        toy_set(folder, "digits", "classification", None),
        toy_set(folder, "iris", "classification", None),
        toy_set(folder, "wine", "classification", None),
    ] + [toy_set(folder, name, task, None) for task in UNLABELLED for name in ("breast_cancer", "digits", "iris", "wine")]
    return found + (higgs(arguments.higgs) if arguments.higgs else [])


def psql(program, script):
    done = subprocess.run([program, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"], input=script, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench compare: {done.stderr.strip()}\nin: {script[:2000]}")
    return done.stdout


def load(program, data):
    """TABLE(row, fold, target, x0 ...) and, per fold, views with what is trained on and what is held out."""
    columns = [f"x{i}" for i in range(data.x.shape[1])]
    fold_of = numpy.full(len(data.y), -1)
    for fold, (_, held_out) in enumerate(data.folds):
        fold_of[held_out] = fold
    lines = [
        "\t".join([str(row), str(fold_of[row]), repr(float(data.y[row])), *(repr(float(v)) for v in data.x[row])])
        for row in range(len(data.y))
    ]
    target = "" if data.task in UNLABELLED else ", target"
    views = "".join(
        f"CREATE VIEW {data.table}_{part}_{fold} AS SELECT {', '.join(columns)}{target} FROM {data.table} WHERE fold {test} {fold} ORDER BY row;\n"
        for fold in range(len(data.folds))
        for part, test in (("train", "<>"), ("test", "="))
    )
    definitions = ", ".join(f"{c} real" for c in columns)
    psql(program, f"CREATE TABLE {data.table} (row int, fold int, target float8, {definitions});\n"
         f"COPY {data.table} FROM STDIN;\n" + "\n".join(lines) + f"\n\\.\n{views}")


def ours(program, pair, data, seed):
    """Our predictions for the held-out rows of all folds, and what pgml.evaluate says of each fold."""
    predicted = numpy.full(len(data.y), numpy.nan)
    preprocess = {"*": {"scale": "standard"}} if pair.scaled else {}
    hyperparams = {**pair.ours, "random_state": seed}
    names = ", ".join(f"x{i}" for i in range(data.x.shape[1]))
    script = "SET client_min_messages = error;\n"
    for fold in range(len(data.folds)):
        project = f"{data.table} {pair.algorithm} {fold} {seed}"
        script += (
            f"SELECT 'trained' FROM pgml.train('{project}', '{pair.task}', '{data.table}_train_{fold}', 'target', '{pair.algorithm}',"
            f" hyperparams => '{json.dumps(hyperparams)}', preprocess => '{json.dumps(preprocess)}', test_size => 0);\n"
            f"SELECT 'row', row, pgml.predict('{project}', {names}) FROM {data.table} WHERE fold = {fold};\n"
            f"SELECT 'metric', {fold}, value FROM pgml.evaluate('{project}', '{data.table}_test_{fold}') WHERE metric = '{METRIC[pair.task]}';\n"
            f"SELECT pgml.drop_project('{project}');\n"
        )
    evaluated = {}
    for line in psql(program, script).splitlines():
        kind, *fields = line.split("|")
        if kind == "row":
            predicted[int(fields[0])] = float(fields[1])
        elif kind == "metric" and fields[1]:
            evaluated[int(fields[0])] = float(fields[1])
    for fold, (_, held_out) in enumerate(data.folds):
        expected = score(pair.task, data.y[held_out], predicted[held_out])
        if fold not in evaluated or not math.isclose(evaluated[fold], expected, rel_tol=1e-6, abs_tol=1e-6):
            sys.exit(f"bench compare: pgml.evaluate says {METRIC[pair.task]} {evaluated.get(fold)} for {pair.algorithm} on "
                     f"{data.table}_test_{fold}, scikit-learn's metric says {expected}")
    return predicted


def theirs(pair, data, seed):
    predicted = numpy.full(len(data.y), numpy.nan)
    parameters = pair.ours if pair.theirs is None else pair.theirs
    for train, held_out in data.folds:
        x, y = data.x.astype(numpy.float64), data.y
        if pair.task == "classification":
            y = y.astype(int)
        if pair.scaled:
            x = StandardScaler().fit(x[train]).transform(x)
        model = pair.reference(parameters, seed, y[train])
        model.fit(x[train], y[train])
        predicted[held_out] = model.predict(x[held_out])
    return predicted


def unlabelled(program, pair, data, seed):
    """Mean of the folds' scores, ours and theirs: of the held-out rows, by the same code, which pgml.evaluate must equal."""
    scores = [], []
    names = ", ".join(f"x{i}" for i in range(data.x.shape[1]))
    call = "pgml.predict" if data.task == "clustering" else "pgml.decompose"
    for fold, (train, held_out) in enumerate(data.folds):
        project = f"{data.table} {pair.algorithm} {fold} {seed}"
        lines = psql(program, "SET client_min_messages = error;\n"
                     f"SELECT 'trained' FROM pgml.train('{project}', '{pair.task}', '{data.table}_train_{fold}', algorithm => '{pair.algorithm}',"
                     f" hyperparams => '{json.dumps({**pair.ours, 'random_state': seed})}', test_size => 0);\n"
                     f"SELECT 'row', {call}('{project}', {names}) FROM {data.table} WHERE fold = {fold} ORDER BY row;\n"
                     f"SELECT 'metric', value FROM pgml.evaluate('{project}', '{data.table}_test_{fold}') WHERE metric = '{METRIC[pair.task]}';\n"
                     f"SELECT pgml.drop_project('{project}');\n").splitlines()
        mine = numpy.array([[float(v) for v in line.split("|")[1].strip("{}").split(",")] for line in lines if line.startswith("row|")])
        evaluated = next(float(line.split("|")[1]) for line in lines if line.startswith("metric|"))
        x = data.x.astype(numpy.float64)
        model = pair.reference(pair.ours, seed, None).fit(x[train])
        reference = model.predict(x[held_out])[:, None] if data.task == "clustering" else model.transform(x[held_out])
        ordered = numpy.sort(held_out)
        for side, result, rows in ((0, mine, ordered), (1, reference, held_out)):
            if data.task == "clustering":
                scores[side].append(sklearn.metrics.silhouette_score(x[rows], result[:, 0]))
            else:
                scores[side].append(result.var(axis=0).sum() / x[rows].var(axis=0).sum())
        if not math.isclose(evaluated, scores[0][-1], rel_tol=1e-4, abs_tol=1e-4):
            sys.exit(f"bench compare: pgml.evaluate says {METRIC[pair.task]} {evaluated} for {pair.algorithm} on {data.table}_test_{fold}, "
                     f"computed here it is {scores[0][-1]}")
    return numpy.mean(scores[0]), numpy.mean(scores[1])


def score(task, y, predicted):
    if task == "regression":
        return sklearn.metrics.r2_score(y, predicted)
    return sklearn.metrics.accuracy_score(y, numpy.round(predicted))


def n_seeds(pair, data):
    if pair.seeds == 1 or len(data.y) >= MANY_ROWS:
        return min(pair.seeds, 3)
    return pair.seeds * next((factor for rows, factor in MORE_SEEDS if len(data.y) < rows), 1)


class Result:
    """One cell of the table."""

    def __init__(self, task, algorithm, data, ours, theirs, reason):
        self.task, self.algorithm, self.data = task, algorithm, data
        self.ours, self.theirs, self.reason = ours, theirs, reason


def judge(pair, data, our_scores, their_scores):
    ours_mean, theirs_mean = float(numpy.mean(our_scores)), float(numpy.mean(their_scores))
    n, off = len(our_scores), abs(ours_mean - theirs_mean)
    error = math.sqrt((numpy.var(our_scores, ddof=1) + numpy.var(their_scores, ddof=1)) / n) if n > 1 else 0
    reason = "" if off <= 0.01 * abs(theirs_mean) else f"within three standard errors of {n} seeds" if off <= 3 * error else "**not explained**"
    return Result(pair.task, pair.algorithm, data.name, ours_mean, theirs_mean, reason)


def table(results):
    """One table per task: a row per algorithm, a column per data set, ours beside the reference's."""
    lines, notes = [], []
    for task in METRIC:
        of_task = [r for r in results if r.task == task]
        sets = list(dict.fromkeys(r.data for r in of_task))
        if not of_task:
            continue
        lines += ["", f"{task.capitalize()}, {METRIC[task]}: ours / reference", "", "| algorithm | " + " | ".join(sets) + " |",
                  "|---|" + "---|" * len(sets)]
        for algorithm in dict.fromkeys(r.algorithm for r in of_task):
            cells = {}
            for r in of_task:
                if r.algorithm == algorithm:
                    cells[r.data] = f"{r.ours:.4f} / {r.theirs:.4f}"
                    if r.reason:
                        notes.append(f"{len(notes) + 1}. `{algorithm}`, {task}, {r.data}: {r.reason}")
                        cells[r.data] += f" ({len(notes)})"
            lines.append(f"| `{algorithm}` | " + " | ".join(cells.get(s, "") for s in sets) + " |")
    if notes:
        lines += ["", "More than 1 % apart:", ""] + notes
    return "\n".join(lines).strip()


def read_table(text):
    """The results that table() wrote."""
    reasons = dict(re.findall(r"^(\d+)\. `.*: (.*)$", text, re.M))
    found, task, sets = [], None, []
    for line in text.splitlines():
        heading = re.match(r"(\w+), \w+: ours / reference$", line)
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if heading:
            task = heading[1].lower()
        elif line.startswith("| algorithm |"):
            sets = cells[1:]
        elif line.startswith("| `"):
            for data, cell in zip(sets, cells[1:]):
                scores = re.match(r"(\S+) / (\S+)(?: \((\d+)\))?$", cell)
                if scores:
                    found.append(Result(task, cells[0].strip("`"), data, float(scores[1]), float(scores[2]), reasons.get(scores[3], "")))
    return found


def write_docs(path, results):
    """Puts the results into the tables of the file; cells that this run did not measure stay."""
    text = pathlib.Path(path).read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        sys.exit(f"bench compare: {path} must hold {BEGIN} and {END} once")
    head, rest = text.split(BEGIN)
    old, tail = rest.split(END)
    key = lambda r: (r.task, r.algorithm, r.data)
    merged = {key(r): r for r in read_table(old) + results}
    order = {(p.task, p.algorithm): i for i, p in enumerate(pairs())}
    kept = sorted((r for r in merged.values() if (r.task, r.algorithm) in order), key=lambda r: order[r.task, r.algorithm])
    intro = f"Reference: scikit-learn {sklearn.__version__}; for `xgboost` and `xgboost_random_forest` XGBoost {xgboost.__version__}."
    pathlib.Path(path).write_text(f"{head}{BEGIN}\n{intro}\n\n{table(kept)}\n{END}{tail}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--psql", required=True)
    parser.add_argument("--datasets", required=True)
    parser.add_argument("--higgs")
    parser.add_argument("--algorithms")
    parser.add_argument("--data")
    parser.add_argument("--docs")
    arguments = parser.parse_args()
    results = []
    for data in data_sets(arguments):
        wanted = [p for p in pairs() if p.task == data.task and data.name not in p.skip
                  and (not arguments.algorithms or p.algorithm in arguments.algorithms.split())]
        if not wanted or (arguments.data and data.name not in arguments.data.split()):
            continue
        load(arguments.psql, data)
        held_out = numpy.concatenate([rows for _, rows in data.folds])
        for pair in wanted:
            our_scores, their_scores, largest, seconds = [], [], 0.0, [0.0, 0.0]
            seeds = n_seeds(pair, data)
            for seed in range(1, seeds + 1):
                start = time.monotonic()
                if data.task in UNLABELLED:
                    mine, reference = unlabelled(arguments.psql, pair, data, seed)
                    our_scores.append(mine)
                    their_scores.append(reference)
                    continue
                mine = ours(arguments.psql, pair, data, seed)[held_out]
                middle = time.monotonic()
                reference = theirs(pair, data, seed)[held_out]
                seconds[0] += middle - start
                seconds[1] += time.monotonic() - middle
                our_scores.append(score(data.task, data.y[held_out], mine))
                their_scores.append(score(data.task, data.y[held_out], reference))
                largest = max(largest, float(numpy.max(numpy.abs(mine - reference))))
            result = judge(pair, data, our_scores, their_scores)
            results.append(result)
            name = f"compare.{data.name}.{pair.task}.{pair.algorithm}"
            print(f"{name}.reference\t{result.theirs:.6f}\t{METRIC[data.task]}\t-")
            print(f"{name}\t{result.ours:.6f}\t{METRIC[data.task]}\t{name}.reference", flush=True)
            print(f"compare: {data.name:14s} {pair.task:15s} {pair.algorithm:28s} {result.ours:8.4f} {result.theirs:8.4f}"
                  f"  largest difference {largest:.3g}  {seconds[0]:.1f} s / {seconds[1]:.1f} s  {result.reason}",
                  file=sys.stderr, flush=True)
    if arguments.docs:
        write_docs(arguments.docs, results)


main()
