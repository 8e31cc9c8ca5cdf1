#!/usr/bin/env python3
"""heapcore against heapy itself: the tables that guppy3 makes in a process, and those that heapcore makes of its core.

    python3 tests/heapy/compare_with_heapy.py --heapcore BIN [--heapy VERSION=DIR]... [--verbose]

DIR is a folder with a built `guppy` package for that CPython. Without --heapy, HEAPCORE_HEAPY is taken, a list of the
same with colons between. An interpreter without a DIR is asked whether it has guppy by itself. Exit status 1: a row
without an explanation; 77: no guppy.
"""
import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "truth"))
import dumping
import interpreters
import tables

VERSIONS = ("3.10", "3.11", "3.12", "3.13")
NONE_FOUND = 77  # ctest: skipped
PATIENCE = 600  # seconds


def read_expressions():
    with open(os.path.join(HERE, "expressions.txt")) as file:
        return [line for line in file.read().splitlines() if line and not line.startswith("#")]


class Heapcore:
    """A core, and what heapcore says of it."""

    def __init__(self, program, core):
        self.program = program
        self.core = core

    def dump(self):
        done = subprocess.run(
            [self.program, "dump", "--quiet", self.core], stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ask(self, statements):
        """The answers of all statements that print, in one session."""
        done = subprocess.run([self.program, "query", "--json", "--quiet", self.core, *statements],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
        return json.loads(done.stdout)

    def tables(self, statements):
        answers = self.ask(statements)
        wrong = [answer for answer in answers if "rows" not in answer]
        if wrong:
            raise AssertionError("no table: %s" % str(wrong[0])[:300])
        return answers


def find_heapy(name, executable, given):
    """(found, folder to put on PYTHONPATH or None)."""
    folder = given.get(name)
    environment = dumping.clean_environment()
    if folder:
        environment["PYTHONPATH"] = folder
    done = subprocess.run(
        [executable, "-c", "import guppy.heapy.heapyc"], env=environment, stderr=subprocess.PIPE, cwd="/")
    if done.returncode and folder:
        print("%-6s %s has no guppy that %s can load:\n%s" % (
            name, folder, executable, done.stderr.decode(errors="replace")))
    return done.returncode == 0, folder


def record(executable, folder, expressions, where):
    """Runs the fixture; (header, answers, core)."""
    listed, told = os.path.join(where, "expressions"), os.path.join(where, "tables.jsonl")
    with open(listed, "w") as file:
        file.write("\n".join(expressions))
    environment = dumping.clean_environment()
    if folder:
        environment["PYTHONPATH"] = folder
    done = subprocess.run(
        [executable, "-W", "ignore", os.path.join(dumping.FIXTURES, "heapy_tables.py"), listed, told],
        cwd=where, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=PATIENCE)
    cores = [name for name in os.listdir(where) if name.startswith("core")]
    if not cores:
        raise dumping.CannotDump("no core; it ended with %d and said:\n%s" % (
            done.returncode, done.stdout.decode(errors="replace")))
    with open(told) as file:
        header, *answers = map(json.loads, file)
    for row in (row for answer in answers for row in answer.get("rows", ())):
        row["name"] = tables.spelled(row["name"])
    return header, answers, os.path.join(where, cores[0])


def members_by_name(answers, expression):
    answer = next(answer for answer in answers if answer["expr"] == expression)
    return [(row["name"], members) for row, members in zip(answer["rows"], answer["members"])]


class Outcome:
    """What became of one expression."""

    def __init__(self, expression):
        self.expression = expression
        self.equal = 0
        self.explained_rows = 0
        self.explained = collections.Counter()
        self.unexplained = {}

    def take(self, equal, what):
        if equal:
            self.equal += 1
        else:
            self.unexplained[what[0]] = what[1]


def compare(heapy, ours, expression, objects, ask):
    outcome = Outcome(heapy["expr"])
    if "error" in heapy or "error" in ours:
        outcome.unexplained["error"] = "heapy: %s; heapcore: %s" % (heapy.get("error"), ours.get("error"))
    elif "rows" in heapy and "rows" in ours:
        table = tables.Table(expression, heapy, ours, objects, ask)
        outcome.equal, outcome.explained_rows = table.equal, table.explained_rows
        outcome.explained, outcome.unexplained = table.explained, table.unexplained
        if heapy["rows"] and heapy["header"] != ours["header"]:
            outcome.unexplained["header"] = "%r and %r" % (heapy["header"], ours["header"])
    elif "lines" in heapy and "lines" in ours:
        for number, pair in enumerate(zip_lines(heapy["lines"], ours["lines"])):
            if pair[0] != pair[1] and tables.counted_twice(objects.version, *pair):
                outcome.explained_rows += 1
                outcome.explained["twice"] += 1
            else:
                outcome.take(pair[0] == pair[1], (number, "%r and %r" % pair))
    else:
        same = "value" in heapy and heapy["value"] == ours.get("value", ours.get("count"))
        outcome.take(same, ("value", "%s and %s" % (heapy.get("value", heapy.keys()), ours.get("value", ours.keys()))))
    return outcome


def zip_lines(first, second):
    count = max(len(first), len(second))
    return zip(first + [None] * (count - len(first)), second + [None] * (count - len(second)))


def compare_interpreter(name, executable, folder, program, verbose):
    expressions = read_expressions()
    with tempfile.TemporaryDirectory(prefix="heapcore-heapy-") as where:
        header, answers, core = record(executable, folder, expressions, where)
        heapcore = Heapcore(program, core)
        objects = tables.Objects(
            header, heapcore.dump(), members_by_name(answers, "h.bytype"), members_by_name(answers, "h"))
        find_kinds(objects, heapcore)
        asked = [re.sub(r"@(\w+)", lambda match: hex(header["named"][match[1]]), one) for one in expressions]
        outcomes = []
        for heapy, ours, expression in zip(answers, heapcore.ask(asked), asked):
            outcomes.append(compare(heapy, ours, expression, objects, heapcore.tables))
    report(name, outcomes, verbose)
    return any(outcome.unexplained for outcome in outcomes)


def find_kinds(objects, heapcore):
    """The kinds of what heapy does not see, and of the dicts that it knows no owner of."""
    ownerless = [address for address, kind in objects.clodo_of.items()
        if kind == "dict (no owner)" and address in objects.dumped and address not in objects.lacking]
    extra, owned = heapcore.tables(
        tables.idset(objects.extra) + ["m.byclodo"] + tables.idset(ownerless) + ["m.byclodo"])
    objects.extra_kinds = {row["name"] for row in extra["rows"]}
    objects.static_dict_kinds = {row["name"] for row in owned["rows"]} - {"dict (no owner)"}


def report(name, outcomes, verbose):
    print("%-64s %7s %9s %11s" % (name, "equal", "explained", "unexplained"))
    reasons = collections.Counter()
    for outcome in outcomes:
        reasons.update(outcome.explained)
        print("  %-62s %7d %9d %11d" % (
            outcome.expression[:62], outcome.equal, outcome.explained_rows, len(outcome.unexplained)))
        for row, what in list(outcome.unexplained.items())[:None if verbose else 5]:
            print("      %s: %s" % (str(row)[:80], what[:300]))
    print("  %-62s %7d %9d %11d" % (
        "all", sum(one.equal for one in outcomes), sum(one.explained_rows for one in outcomes),
        sum(len(one.unexplained) for one in outcomes)))
    for reason, count in reasons.most_common():
        print("      %6d %s: %s" % (count, reason, tables.REASONS[reason]))
    sys.stdout.flush()


def read_folders(given):
    return dict(one.split("=", 1) for one in given if "=" in one)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--heapcore", required=True)
    parser.add_argument("--heapy", action="append", default=[], metavar="VERSION=DIR")
    parser.add_argument("--interpreter", action="append", choices=VERSIONS)
    parser.add_argument("--verbose", action="store_true", help="all unexplained rows")
    options = parser.parse_args()
    given = read_folders(options.heapy or os.environ.get("HEAPCORE_HEAPY", "").split(":"))
    compared, failed = [], []
    for name in options.interpreter or VERSIONS:
        interpreter = interpreters.find(name)
        found, folder = find_heapy(name, interpreter.executable, given) if interpreter else (False, None)
        if not found:
            print("%-6s SKIPPED: %s" % (name, "it cannot import guppy" if interpreter else "no such CPython here"))
            continue
        compared.append(name)
        program = os.path.abspath(options.heapcore)
        if compare_interpreter(name, interpreter.executable, folder, program, options.verbose):
            failed.append(name)
    if not compared:
        print("SKIPPED: no interpreter here has guppy3; docs/accuracy.md says how to give one")
        return NONE_FOUND
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
