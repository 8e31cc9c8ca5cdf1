#!/usr/bin/env python3
"""Makes the tables of types, versions and ways in docs/accuracy.md from what the zoo tests recorded.

    python3 tests/truth/accuracy_table.py RECORD... [--check]

RECORD is what zoo_test.py --record writes, one file or more (build/release/tests/truth/zoo-*.json). The text between
the two markers is replaced; --check only says whether it would change.
"""
import argparse
import ast
import collections
import json
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PAGE = os.path.join(ROOT, "docs", "accuracy.md")
ZOO = os.path.join(ROOT, "fixtures", "zoo_stdlib.py")
BEGIN = "<!-- made by tests/truth/accuracy_table.py: begin -->"
END = "<!-- made by tests/truth/accuracy_table.py: end -->"
WAYS = "decoder", "definition", "dwarf", "emulated", "words", "missing"
UNKNOWN = ", size unknown"


def version_key(version):
    return tuple(int(part) for part in version.split("."))


def minor(version):
    return ".".join(version.split(".")[:2])


def read(paths):
    records = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            records.update(json.load(file))
    return {name: record for name, record in records.items() if record["tests"]}


def left_out():
    """LEFT_OUT of the fixture: {type: reason}."""
    with open(ZOO, encoding="utf-8") as file:
        for node in ast.parse(file.read()).body:
            if isinstance(node, ast.Assign) and node.targets[0].id == "LEFT_OUT":
                return ast.literal_eval(node.value)
    raise ValueError("no LEFT_OUT in " + ZOO)


def ranges(versions, known):
    """"3.8 to 3.10, 3.12": runs within the versions that were tested."""
    order = sorted(known, key=version_key)
    runs = []
    for version in sorted(versions, key=version_key):
        if runs and order.index(version) == order.index(runs[-1][-1]) + 1:
            runs[-1].append(version)
        else:
            runs.append([version])
    return ", ".join(run[0] if len(run) == 1 else "%s to %s" % (run[0], run[-1]) for run in runs)


def interpreters_table(records):
    lines = ["| CPython | objects compared | types | differences | %s | size not known |" % " | ".join(WAYS[:5]),
        "|---|---|---|---|" + "---|" * len(WAYS[:5]) + "---|"]
    for name, record in sorted(records.items(), key=lambda item: (version_key(item[1]["version"]), item[0])):
        ways, types, objects, differences = collections.Counter(), set(), 0, 0
        for test in record["tests"].values():
            objects += test["objects"]
            differences += test["differences"]
            for of_type, counts in test["types"].items():
                types.add(of_type)
                ways.update(counts)
        unknown = sum(count for way, count in ways.items() if way.endswith(UNKNOWN))
        of_way = [sum(count for way, count in ways.items() if way.replace(UNKNOWN, "") == wanted) for wanted in WAYS[:5]]
        figures = [objects, len(types), differences, *of_way, unknown]
        lines.append("| %s (%s) | %s |" % (record["version"], name, " | ".join("{:,}".format(n) for n in figures)))
    return lines


def types_table(records):
    ways = collections.defaultdict(lambda: collections.defaultdict(set))
    for record in records.values():
        for test in record["tests"].values():
            for of_type, counts in test["types"].items():
                for way in counts:
                    ways[of_type][way].add(minor(record["version"]))
    known = {minor(record["version"]) for record in records.values()}
    lines = ["| type | how it is known, in which versions |", "|---|---|"]
    for of_type, found in sorted(ways.items(), key=lambda item: item[0].lower()):
        parts = ["%s: %s" % (way, ranges(versions, known)) for way, versions in sorted(found.items())]
        lines.append("| `%s` | %s |" % (of_type, "; ".join(parts)))
    return lines


def page_section(records):
    lines = ["Objects of the zoo's tests, by interpreter:", ""] + interpreters_table(records)
    lines += ["", "Types of the standard library without an instance in the zoo:", "", "| type | why |", "|---|---|"]
    lines += ["| `%s` | %s |" % pair for pair in sorted(left_out().items())]
    lines += ["", "All types that C code makes and that the tests compared:", ""] + types_table(records)
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records", nargs="+", metavar="RECORD")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    records = read(arguments.records)
    if not records:
        sys.exit("no test was recorded")
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        sys.exit("%s must have the two markers once" % PAGE)
    section = "%s\n%s\n%s" % (BEGIN, page_section(records), END)
    made = re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: section, page, flags=re.S)
    if arguments.check:
        return made != page
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
