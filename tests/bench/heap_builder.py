"""Builds a heap of a given size under the interpreter that runs it, measures its own collector, and waits.

    PYTHON heap_builder.py OBJECTS [QUERY...]

When the heap stands it prints one JSON line: {"version", "objects", "tracked", "heap", "collect"}: the objects of the
mix below (the interpreter's own come on top), those that the collector tracks, the anonymous memory of the process
in bytes, and the seconds of three gc.collect(). Then it waits for a signal.
"""
import gc
import json
import signal
import sys
import time

# What one record has on average. Instance dicts are objects of their own before 3.11 only.
OBJECTS_A_RECORD = 14.875 + (sys.version_info < (3, 11))
TEXT = "what somebody wrote " * 4


class Key:
    __slots__ = ("name", "parts", "rank")

    def __init__(self, name, parts, rank):
        self.name = name
        self.parts = parts
        self.rank = rank


class Record:
    def __init__(self, key, number):
        self.key = key
        self.number = number
        self.tags = []
        self.history = [number * 0.5]
        self.notes = []
        self.flags = None


def build_record(number):
    """Key, str, tuple, 3 int; Record, int, 3 list, float, str; 1/2 of dict, float, str; 1/8 of set, 2 int."""
    name = "record-%08d" % number
    record = Record(Key(name, (number + 1000, number + 1500), number * 3 + 2000), number + 3000)
    record.tags.append("%s %d" % (TEXT, number))
    if number % 2:
        record.flags = {"created": number + 5000.5, "note": "note %d of this record" % number}
    if number % 8 == 0:
        record.flags = {number, number + 1, name}
    return name, record


def build(objects):
    records, index = [], {}
    for number in range(int(objects / OBJECTS_A_RECORD)):
        name, record = build_record(number)
        index[name] = record
        records.append(record)
    return records, index


def anonymous_memory():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    raise OSError("no RssAnon in /proc/self/status")


def time_collect():
    started = time.perf_counter()
    gc.collect()
    return time.perf_counter() - started


def time_heapy(queries):
    """{query: seconds} of heapy itself, which has to be importable; None where it has no such thing."""
    from guppy import hpy
    found = {}
    for query in queries:
        started = time.perf_counter()
        names = {"h": hpy().heap(), "__main__": sys.modules["__main__"], "str": str, "list": list}
        built = time.perf_counter()
        try:
            str(eval(query, names))
        except AttributeError:
            found[query] = None
            continue
        # The first table is asked for with the heap that it needs.
        found[query] = time.perf_counter() - (started if query == "h" else built)
    return found


def main():
    gc.disable()
    heap = build(int(sys.argv[1]))
    gc.collect()  # the first one also untracks tuples and dicts that need no collector
    facts = {
        "version": "%d.%d.%d" % sys.version_info[:3],
        "objects": int(len(heap[0]) * OBJECTS_A_RECORD),
        "collect": [time_collect() for _ in range(3)],
        "tracked": len(gc.get_objects()),
        "heap": anonymous_memory(),
    }
    if len(sys.argv) > 2:
        facts["heapy"] = time_heapy(sys.argv[2:])
    print(json.dumps(facts), flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
