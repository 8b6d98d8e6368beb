#!/usr/bin/env python3
"""Measures pgml.train beside libxgboost alone; called by train.sh, which names the options. Prints lines for bench/run."""
import argparse
import os
import random
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "diff"))
from pq import Session  # noqa: E402


class Watch(threading.Thread):
    """Peak of a process's private memory (RssAnon: without program text, mapped files and PostgreSQL's shared memory)."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak_kib, self.stopped = pid, 0, False
        self.cpu_before = self.cpu()
        self.start()

    def run(self):
        while not self.stopped:
            with open(f"/proc/{self.pid}/status") as status:
                for line in status:
                    if line.startswith("RssAnon:"):
                        self.peak_kib = max(self.peak_kib, int(line.split()[1]))
            time.sleep(0.003)

    def cpu(self):
        """Seconds of processor time, of all threads."""
        with open(f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        """Private memory at its peak in MiB, processor seconds since the beginning."""
        self.stopped = True
        self.join()
        return self.peak_kib / 1024, self.cpu() - self.cpu_before


def library(options, rows, form):
    """libxgboost alone: wall and processor seconds and MiB of training; seconds of predicting the other rows; a sum."""
    process = subprocess.Popen(
        [options.program, "train", options.file, str(rows), form, str(options.trees), str(options.depth), str(options.threads)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {options.cpu}))

    def answer(word):
        line = process.stdout.readline().split()
        if line[:1] != [word]:
            sys.exit(f"train: libxgboost alone ended early, before \"{word}\"")
        return float(line[1]) if len(line) > 1 else 0

    def go_on():
        process.stdin.write("\n")
        process.stdin.flush()

    answer("ready")
    watch = Watch(process.pid)
    go_on()
    seconds = answer("trained")
    memory, cpu = watch.end()
    go_on()
    result = {"time": seconds, "cpu": cpu, "memory": memory, "predict": answer("predicted"), "sum": answer("sum")}
    process.wait()
    return result


def train_sql(options, test_size):
    return (f"SELECT deployed FROM pgml.train('bench', 'classification', 'higgs', 'target', algorithm => 'xgboost', test_size => {test_size},"
            f" hyperparams => '{{\"n_estimators\": {options.trees}, \"max_depth\": {options.depth}}}')")


def session(options):
    """A fresh backend, pinned."""
    made = Session("bench", [f"SET pgml.training_threads = {options.threads}"])
    pid = int(made.must("SELECT pg_backend_pid()").rows[0][0])
    os.sched_setaffinity(pid, {options.cpu})
    return made, pid


def server(options, test_size):
    """pgml.train in a fresh backend: wall and processor seconds, MiB, and the phases that it recorded."""
    backend, pid = session(options)
    watch = Watch(pid)
    start = time.perf_counter()
    backend.must(train_sql(options, test_size))
    seconds = time.perf_counter() - start
    memory, cpu = watch.end()
    fit, score = map(float, backend.must(
        "SELECT metrics ->> 'fit_time', metrics ->> 'score_time' FROM pgml.models ORDER BY id DESC LIMIT 1").rows[0])
    backend.close()
    return {"time": seconds, "cpu": cpu, "memory": memory, "fit": fit, "score": score, "other": seconds - fit - score}


def cancel(options, delay):
    """Milliseconds from a cancel request to the end of the statement, or None when it was over before."""
    backend, pid = session(options)
    admin = Session("bench")
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append((backend.query(train_sql(options, 0.25)), time.perf_counter())))
    thread.start()
    time.sleep(delay)
    start = time.perf_counter()
    admin.must(f"SELECT pg_cancel_backend({pid})")
    thread.join()
    result, end = outcome[0]
    admin.close()
    backend.must("SELECT 1")
    backend.close()
    return (end - start) * 1000 if result.sqlstate == "57014" else None


def check_equal(expected):
    """The same trees: the figures count only then."""
    backend = Session("bench", ["SET max_parallel_workers_per_gather = 0", "SET synchronize_seqscans = off"])
    columns = ", ".join(f"f{number}" for number in range(28))
    # By id: without a test part a model has no score and does not replace one that has.
    newest = backend.must("SELECT max(id) FROM pgml.models").rows[0][0]
    got = float(backend.must(f"SELECT sum(pgml.class_probability({newest}, 'true', {columns}))"
                             f" FROM (SELECT * FROM higgs LIMIT 10000) few").rows[0][0])
    backend.close()
    if abs(got - expected) > 1e-6 * abs(expected):
        sys.exit(f"train: the two models differ: {got} and {expected}")


def best(runs, key):
    return min(run[key] for run in runs)


def line(name, value, unit, versus="-"):
    print(name, f"{value:.4f}" if unit == "s" else f"{value:.1f}", unit, versus, sep="\t")


def report(suffix, forms, runs):
    """For each figure the better form of libxgboost counts."""
    for key, unit in (("time", "s"), ("cpu", "s"), ("memory", "MiB")):
        line(f"train.xgboost_{key}{suffix}", min(best(form, key) for form in forms), unit)
        line(f"train.{key}{suffix}", best(runs, key), unit, f"train.xgboost_{key}{suffix}")
    line(f"train.xgboost_dense_memory{suffix}", best(forms[1], "memory"), "MiB", f"train.xgboost_memory{suffix}")
    for phase in ("fit", "score", "other"):
        line(f"train.{phase}{suffix}", best(runs, phase), "s")


def cancels(options, total):
    generator = random.Random(1)
    times = []
    for number in range(options.cancels):
        # Every other one in the short phases before the first round.
        delay = generator.uniform(0, total * (1.05 if number % 2 else 0.2))
        milliseconds = cancel(options, delay)
        said = "over before" if milliseconds is None else f"{milliseconds:.1f} ms"
        print(f"train: cancel {number + 1} of {options.cancels} after {delay:.2f} s: {said}", file=sys.stderr)
        if milliseconds is not None:
            times.append(milliseconds)
    if times:
        line("train.cancel_ms", max(times), "ms")
        line("train.cancel_median", statistics.median(times), "ms")


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("rows", 500000), ("trees", 100), ("depth", 6), ("threads", 1), ("rounds", 3), ("cancels", 40), ("cpu", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--program")
    parser.add_argument("--file")
    options = parser.parse_args()
    parts = (("", options.rows, 0), ("_split", options.rows - round(options.rows * 0.25), 0.25))
    runs = {}
    for number in range(options.rounds):
        print(f"train: round {number + 1} of {options.rounds}", file=sys.stderr)
        for suffix, rows, test_size in parts:
            for form in ("quantile", "dense"):
                runs.setdefault((suffix, form), []).append(library(options, rows, form))
            runs.setdefault((suffix, "server"), []).append(server(options, test_size))
            if test_size == 0:
                check_equal(runs[suffix, "quantile"][-1]["sum"])
    for suffix, _, _ in parts:
        report(suffix, [runs[suffix, form] for form in ("quantile", "dense")], runs[suffix, "server"])
    line("train.xgboost_predict_split", min(best(runs["_split", form], "predict") for form in ("quantile", "dense")), "s")
    cancels(options, best(runs["_split", "server"], "time"))


main()
