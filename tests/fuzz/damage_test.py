#!/usr/bin/env python3
"""Cores damaged where it hurts: types, sizes, GC heads, keys, pool headers, buffers, links. No crash, no hang, no
memory without end.

    python3 tests/fuzz/damage_test.py --heapcore BIN [--seeds 40] [--first 0]

Where the objects lie is asked of heapcore itself, on the whole core. A failure names interpreter and seed, and keeps
the core in the folder $HEAPCORE_KEEP if that is set.
"""
import argparse
import bisect
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "truth"), os.path.join(HERE, "..", "cli")]
import bad_input_test
import interpreters

NONE_FOUND = 77
PATIENCE = 300  # seconds
MEMORY = 1536 << 10  # KiB that a run may take: the cores have some 20 MB
WORD = 8
COUNTS = [1 << bits for bits in (8, 16, 20, 31, 32, 40, 44, 60, 62, 63)]


def loads(content):
    """(address, offset, length, is_writable) of what the core has of the memory, by address."""
    start, = struct.unpack_from("<Q", content, 32)
    count, = struct.unpack_from("<H", content, 56)
    headers = (struct.unpack_from("<IIQQQQ", content, start + 56 * index) for index in range(count))
    return sorted((address, offset, length, bool(flags & 2))
                  for kind, flags, offset, address, _, length in headers if kind == 1 and length)


class Core:
    def __init__(self, heapcore, path):
        with open(path, "rb") as file:
            self.content = file.read()
        self.loads = loads(self.content)
        self.starts = [load[0] for load in self.loads]
        lines = subprocess.run([heapcore, "dump", path], stdout=subprocess.PIPE, check=True).stdout.splitlines()
        objects = [line for line in map(json.loads, lines) if not line.get("virtual")]
        self.objects = [(int(line["address"], 16), line["type"], line["size"]) for line in objects]
        self.by_type = {}
        for found in self.objects:
            self.by_type.setdefault(found[1], []).append(found)

    def offset(self, address):
        index = bisect.bisect(self.starts, address) - 1
        if index < 0:
            return None
        start, offset, length, _ = self.loads[index]
        return offset + address - start if address + WORD <= start + length else None

    def word(self, address):
        offset = self.offset(address)
        return 0 if offset is None else struct.unpack_from("<Q", self.content, offset)[0]


# Each with what stands before and after the core.
COMMANDS = (
    ("analyze", ["--full"], []), ("threads", ["--locals"], []), ("references", [], []), ("memory", [], []),
    ("dump", ["--limit", "2000"], []), ("query", [], ["--", "byvia"]),
)


class Damage:
    """One seed's damage: a few kinds of it, each in one to some thousand places."""

    def __init__(self, core, seed):
        self.core = core
        self.random = random.Random(seed)
        self.content = bytearray(core.content)
        self.edges = [edge for address, _, length, _ in core.loads for edge in (address, address + length)]

    def some(self, *types):
        found = [kind for kind in types or self.core.by_type if kind in self.core.by_type]
        return self.random.choice(self.core.by_type[self.random.choice(found)])

    def value(self):
        choose = self.random
        return choose.choice((
            lambda: choose.randrange(256),
            lambda: choose.choice(COUNTS),
            lambda: -choose.choice((1, 2, 8, 16, 1 << 31, 1 << 63)),
            lambda: choose.choice(self.edges) + choose.choice((-16, -8, -1, 0, 1, 8)),
            lambda: self.some()[0] + choose.choice((0, 0, 0, -16, -8, 1, 8, 16, 24)),
            lambda: self.some("builtins.type")[0],
            lambda: choose.getrandbits(64),
            lambda: choose.getrandbits(32),
        ))() & (1 << 64) - 1

    def put(self, address, value=None):
        offset = self.core.offset(address)
        if offset is None:
            return
        word = (self.value() if value is None else value).to_bytes(WORD, "little")
        length = self.random.choice((WORD, WORD, WORD, 4, 2, 1))
        self.content[offset : offset + length] = word[:length]

    def damage_object(self):
        address, _, size = self.some()
        self.put(address + WORD * self.random.randrange(max(1, min(size, 400) // WORD)))

    def damage_type(self):
        self.put(self.some("builtins.type")[0] + WORD * self.random.randrange(120))

    def damage_head(self):
        self.put(self.some()[0] - self.random.choice((8, 16, 24, 32)))

    def damage_size(self):
        self.put(self.some("builtins.tuple", "builtins.list", "builtins.str", "builtins.int", "builtins.set",
                           "builtins.code", "builtins.bytes", "builtins.dict")[0] + self.random.choice((16, 24, 32)))

    def damage_keys(self):
        keys = self.core.word(self.some("builtins.dict")[0] + 32)
        self.put(keys + self.random.choice((0, 8, 8, 8, 16, 24, 32, 40)))

    def damage_pool(self):
        self.put((self.some()[0] & -self.random.choice((1 << 12, 1 << 14))) + WORD * self.random.randrange(6))

    def damage_buffer(self):
        owner = self.some("builtins.list", "builtins.dict", "builtins.set", "builtins.bytearray", "builtins.frozenset")
        self.put(self.core.word(owner[0] + self.random.choice((24, 32, 40))) + WORD * self.random.randrange(12))

    def damage_binary(self):
        """What lies in the writable data of binaries: the runtime, interpreters, static types."""
        start, _, length, _ = self.random.choice([load for load in self.core.loads if load[3]])
        self.put(start + self.random.randrange(length) // WORD * WORD)

    def claim_the_same_buffer(self):
        """Every list says that its items are all of the largest piece of memory."""
        start, _, length, _ = max((load for load in self.core.loads if load[3]), key=lambda load: load[2])
        count = self.random.choice((length // WORD, 1 << 40))
        for address, _, _ in self.core.by_type["builtins.list"]:
            offset = self.core.offset(address + 32)
            if offset is not None:
                struct.pack_into("<QQ", self.content, offset - 16, count, start)

    def do(self):
        kinds = (self.damage_object, self.damage_type, self.damage_head, self.damage_size, self.damage_keys,
                 self.damage_pool, self.damage_buffer, self.damage_binary)
        for kind in self.random.sample(kinds, self.random.choice((1, 1, 2, 3, 5))):
            for _ in range(int(10 ** self.random.uniform(0, 3.3))):
                kind()
        if self.random.random() < 0.1:
            self.claim_the_same_buffer()
        return self.content


def run(heapcore, arguments):
    """What is wrong with this run, or None."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            ["timeout", str(PATIENCE), heapcore, *arguments], stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        message = said.read().decode(errors="replace")
    if process.returncode == 124:
        return "took longer than %d seconds" % PATIENCE
    if process.returncode not in (0, 1):
        return "ended with %d: %s" % (process.returncode, message)
    if process.returncode == 1 and message.count("\n") != 1:
        return "failed without one clear sentence: %s" % message
    return "took %d MiB" % (usage.ru_maxrss >> 10) if usage.ru_maxrss > MEMORY else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heapcore", required=True, help="the program under test")
    parser.add_argument("--seeds", type=int, default=40, help="damaged cores in all")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="heapcore-damage-")
    failures = 0
    try:
        found = [found for found in map(interpreters.find, interpreters.NAMES) if found and not found.root]
        if not found:
            print("no interpreter with debug information here")
            return NONE_FOUND
        cores = {}
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            interpreter = found[seed % len(found)]
            if interpreter not in cores:
                home = tempfile.mkdtemp(dir=folder)
                cores[interpreter] = Core(arguments.heapcore, bad_input_test.core_of_python(interpreter.executable, home))
            path = os.path.join(folder, "seed-%d.core" % seed)
            with open(path, "wb") as file:
                file.write(Damage(cores[interpreter], seed).do())
            for command in COMMANDS:
                trouble = run(arguments.heapcore, [command[0], *command[1], path, *command[2]])
                if trouble:
                    failures += 1
                    print("%s, seed %d, %s: %s" % (interpreter.name, seed, command[0], trouble), flush=True)
                    if os.environ.get("HEAPCORE_KEEP"):
                        print("kept:", shutil.copy(path, os.environ["HEAPCORE_KEEP"]))
            os.remove(path)
        print("%d damaged cores of %d interpreters: %d failures" % (arguments.seeds, len(cores), failures))
    finally:
        shutil.rmtree(folder)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
