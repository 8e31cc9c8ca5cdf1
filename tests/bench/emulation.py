#!/usr/bin/env python3
"""What it takes to know objects by their own code: microseconds an object, of types that no decoder serves.

    python3 tests/bench/emulation.py --heapcore build/release/heapcore [--objects 200000] [--interpreter 3.11]

For each kind a process makes as many objects and is dumped; so is one with as many plain objects, whose time is taken
off. One thread; processor time, best of the runs. "learned" kinds do nothing but visit words of their own: after some
objects these are read without running the code. Exit status 77 where no interpreter is found.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "truth"))
import interpreters

NONE_FOUND = 77
PLAIN = "object()"
KINDS = [
    ("itertools.repeat", "itertools.repeat(n)", "learned"),
    ("functools.partial", "functools.partial(max, n)", "learned"),
    ("re.Match", "match('x')", "learned"),
    ("_io.StringIO", "io.StringIO()", "learned"),
    ("array.array", "array.array('l', (n,))", "traverse, sizeof"),
    ("_io.BytesIO", "io.BytesIO(b'x')", "sizeof"),
    ("_lru_cache_wrapper", "functools.lru_cache(max)", "traverse"),
]
BUILDER = """
import array, functools, gc, io, itertools, os, re, resource
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
match = re.compile("x").match
gc.disable()
kept = [%s for n in range(%d)]
os.abort()
"""


def core_of(executable, expression, objects, folder):
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    subprocess.run([executable, "-c", BUILDER % (expression, objects)], cwd=folder, stderr=subprocess.DEVNULL)
    cores = [name for name in os.listdir(folder) if name.startswith("core")]
    if not cores:
        sys.exit("the kernel writes no core file here (core_pattern or limit)")
    return os.path.join(folder, cores[0])


def processor_time(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(heapcore, core, runs):
    """(seconds, objects that were emulated) of opening the core."""
    report = subprocess.run([heapcore, "analyze", "--json", core], stdout=subprocess.PIPE, check=True).stdout
    ways = {row["how"]: row["count"] for row in json.loads(report)["how"]}
    command = [heapcore, "query", "--jobs", "1", core, "h.count"]
    return min(processor_time(command) for _ in range(runs)), ways.get("emulated", 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heapcore", required=True)
    parser.add_argument("--objects", type=int, default=200000)
    parser.add_argument("--interpreter", default="3.11", choices=interpreters.ALL)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    found = interpreters.find(arguments.interpreter) or interpreters.find("debian-3.11")
    if not found:
        return NONE_FOUND
    print("%s, %d objects a kind" % (found.name, arguments.objects))
    with tempfile.TemporaryDirectory(prefix="heapcore-bench-") as folder:
        plain, _ = measure(arguments.heapcore, core_of(found.executable, PLAIN, arguments.objects, folder),
            arguments.runs)
        for name, expression, what in KINDS:
            core = core_of(found.executable, expression, arguments.objects, folder)
            seconds, emulated = measure(arguments.heapcore, core, arguments.runs)
            if emulated < arguments.objects:
                sys.exit("%s: %d of %d objects are known by emulation" % (name, emulated, arguments.objects))
            print("%-18s %6.2f us an object  (%s)" % (
                name, (seconds - plain) / arguments.objects * 1e6, what), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
