#!/usr/bin/env python3
"""How long the first table of a heap and every report take, and what memory they need, beside gc.collect() itself.

    python3 tests/bench/bench.py --heapcore build/release/heapcore [--objects 11000000] [--runs 5]

Builds a heap (heap_builder.py), takes the core, and prints everything from this one run. The core lies in $TMPDIR,
takes some 80 bytes an object, and is removed at the end. Exit status 77 where no interpreter is found.
"""
import argparse
import collections
import glob
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "truth"))
import dumping
import interpreters

NONE_FOUND = 77
SAMPLING = 0.002  # seconds
PREFERRED = ("3.11", "debian-3.11", "3.12", "3.13", "3.10", "3.9", "3.8")

Run = collections.namedtuple("Run", "wall user system")
Memory = collections.namedtuple("Memory", "anonymous high_water")


class Failed(Exception):
    pass


def find_interpreter(wanted):
    """The path of an interpreter: given as such, by a name of interpreters.py, or the first that is there."""
    if wanted and "/" in wanted:
        return wanted
    for name in [wanted] if wanted else PREFERRED:
        found = interpreters.find(name)
        if found:
            return found.executable
    return None


def allow_core():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def build_core(interpreter, objects, folder, heapy=None):
    """(what the builder says of its heap, the core file)"""
    environment = dumping.clean_environment()
    if heapy:
        environment["PYTHONPATH"] = os.path.abspath(heapy)
    process = subprocess.Popen(
        [interpreter, os.path.join(HERE, "heap_builder.py"), str(objects), *(QUERIES if heapy else ())],
        cwd=folder, env=environment, stdout=subprocess.PIPE, preexec_fn=allow_core)
    try:
        line = process.stdout.readline()
        if not line:
            raise Failed("the builder of the heap ended early, with %d" % process.wait())
        if dumping.kernel_writes_cores_here():
            process.send_signal(signal.SIGABRT)
            process.wait()
        else:
            subprocess.run(["gcore", "-o", os.path.join(folder, "core"), str(process.pid)],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    cores = glob.glob(os.path.join(glob.escape(folder), "*core*"))
    if not cores:
        raise Failed("no core was written")
    return json.loads(line), cores[0]


def start(command, folder):
    output = os.path.join(folder, "output")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.posix_spawn(command[0], command, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, output, flags, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)])


def check_end(status, folder):
    if status != 0:
        with open(os.path.join(folder, "output"), errors="replace") as output:
            raise Failed("heapcore ended with wait status %#x, and said:\n%s" % (status, output.read()))


def time_run(command, folder):
    started = time.perf_counter()
    _, status, usage = os.wait4(start(command, folder), 0)
    wall = time.perf_counter() - started
    check_end(status, folder)
    return Run(wall, usage.ru_utime, usage.ru_stime)


def read_memory(pid):
    """RssAnon and VmHWM in bytes; None before exec and after exit."""
    with open("/proc/%d/status" % pid) as status:
        values = dict(line.split(":", 1) for line in status)
    if "RssAnon" not in values:
        return None
    return Memory(*(int(values[name].split()[0]) * 1024 for name in ("RssAnon", "VmHWM")))


def sample_memory(command, folder):
    """The peaks of a run of its own: watching it costs time that the timed runs must not pay."""
    pid = start(command, folder)
    anonymous, high_water, ended = 0, 0, 0
    while not ended:
        memory = read_memory(pid)
        if memory:
            anonymous, high_water = max(anonymous, memory.anonymous), max(high_water, memory.high_water)
        time.sleep(SAMPLING)
        ended, status, _ = os.wait4(pid, os.WNOHANG)
    check_end(status, folder)
    return Memory(anonymous, high_water)


def listed(seconds):
    return "median of %d: %s" % (len(seconds), " ".join("%.3f" % second for second in seconds))


def megabytes(count):
    return "{:,.1f} MB".format(count / 1e6)


# What design.md has yardsticks for; each is timed beside `h.count`, which opens the core and asks nothing.
QUERIES = (
    "h", "h.byrcs", "(h & __main__.Key).byvia", "(h & str).byvia", "(h & list).referrers", "(h & list).domisize",
    "(h & __main__.Record).byid[0].sp", "(h & __main__.Record)[0].rp", "h.dominators", "h.byid[0].theone.retained")


def report_queries(heapcore, core, runs, folder, heapy):
    """The same questions to heapcore, and to heapy in the process where it was asked."""
    print("queries       heapcore from start to end, without the opening%s" % (", heapy in the process" if heapy else ""))
    opening = None
    for query in ("h.count",) + QUERIES:
        timed = [time_run([heapcore, "query", core, query], folder).wall for _ in range(runs)]
        wall = statistics.median(timed)
        opening = wall if opening is None else opening
        own = "" if query == "h.count" else "%9.3f s" % max(wall - opening, 0)
        other = "%9.3f s" % heapy[query] if heapy and heapy.get(query) is not None else ""
        print("  %-36s %8.3f s %11s %11s" % (query, wall, own, other))


REPORTS = ("analyze", "threads", "suspects", "memory", "references", "retained")


def report_reports(heapcore, core, runs, folder):
    print("reports       from start to end, and anonymous memory at the peak")
    for name in REPORTS:
        command = [heapcore, name, core]
        wall = statistics.median(time_run(command, folder).wall for _ in range(runs))
        print("  %-12s %8.3f s  %s" % (name, wall, megabytes(sample_memory(command, folder).anonymous)))


def report(heapcore, interpreter, objects, runs, folder, heapy):
    facts, core = build_core(interpreter, objects, folder, heapy)
    command = [heapcore, "query", core, "h"]
    time_run(command, folder)  # brings the file into the page cache
    timed = [time_run(command, folder) for _ in range(runs)]
    memory = sample_memory(command, folder)

    collect = statistics.median(facts["collect"])
    wall = statistics.median(run.wall for run in timed)
    print("interpreter   %s (%s)" % (facts["version"], interpreter))
    print("heap          {:,} objects built, {:,} tracked by the collector".format(facts["objects"], facts["tracked"]))
    print("heap size     %s anonymous memory of the process" % megabytes(facts["heap"]))
    print("core          %s" % megabytes(os.path.getsize(core)))
    print("gc.collect()  %.3f s (%s)" % (collect, listed(facts["collect"])))
    print("first table   %.3f s (%s)" % (wall, listed([run.wall for run in timed])))
    print("CPU           %.3f s user, %.3f s system (medians)" % (
        statistics.median(run.user for run in timed), statistics.median(run.system for run in timed)))
    print("memory        %s anonymous at the peak; VmHWM %s, the mapped core included" % (
        megabytes(memory.anonymous), megabytes(memory.high_water)))
    print("ratios        first table / gc.collect() %.2f; memory / heap %.2f" % (
        wall / collect, memory.anonymous / facts["heap"]))
    report_reports(heapcore, core, runs, folder)
    report_queries(heapcore, core, runs, folder, facts.get("heapy"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heapcore", required=True, help="the program to measure")
    parser.add_argument("--interpreter", help="a path, or a name such as 3.12 (default: the first found, 3.11 preferred)")
    parser.add_argument("--objects", type=int, default=1200000, help="size of the heap (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="timed runs, after one to warm up (default: %(default)s)")
    parser.add_argument("--heapy", metavar="DIR", help="a build of guppy3 for the interpreter, to be timed in the process")
    arguments = parser.parse_args()
    interpreter = find_interpreter(arguments.interpreter)
    if not interpreter:
        print("bench: no interpreter with debug information found")
        return NONE_FOUND
    folder = tempfile.mkdtemp(prefix="heapcore-bench-")
    try:
        report(os.path.abspath(arguments.heapcore), interpreter, arguments.objects, arguments.runs, folder, arguments.heapy)
    except Failed as failure:
        print("bench: %s" % failure, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
