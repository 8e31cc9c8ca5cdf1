#!/usr/bin/env python3
"""How long a process stands still while it is captured: by its own clock, a tick each millisecond.

    python3 tests/bench/capture_pause.py HEAPCORE GIB FOLDER

The process has that many GiB of strings. Idle, and busy replacing them one by one. gcore for comparison.
"""
import os
import subprocess
import sys
import time

TARGET = """
import sys, threading, time
items = [str(number) for number in range(int(%f * 2**30 / 64))]
gap = 0
def tick():
    global gap
    last = time.monotonic()
    while True:
        time.sleep(0.001)
        now = time.monotonic()
        gap, last = max(gap, now - last), now
def work():
    number = 0
    while True:
        items[number %% len(items)] = str(number)
        number += 1
threading.Thread(target=tick, daemon=True).start()
if %r:
    threading.Thread(target=work, daemon=True).start()
print("READY", flush=True)
for line in sys.stdin:
    print(gap, flush=True)
    gap = 0
"""


class Target:
    def __init__(self, gib, busy):
        self.process = subprocess.Popen([sys.executable, "-c", TARGET % (gib, busy)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, universal_newlines=True)
        self.process.stdout.readline()

    def longest_gap(self):
        """Seconds, since this was asked last."""
        time.sleep(0.2)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        self.process.kill()
        self.process.wait()


def measure(target, name, command, path):
    target.longest_gap()
    began = time.monotonic()
    subprocess.run([*command, "-o", path, *(["-p"] if name != "gcore" else []), str(target.process.pid)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    whole = time.monotonic() - began
    written = path if os.path.exists(path) else "%s.%d" % (path, target.process.pid)
    print("%-22s whole %6.2f s, longest gap %6.3f s, on disk %5.2f GiB" % (
        name, whole, target.longest_gap(), os.stat(written).st_blocks * 512 / 2**30), flush=True)
    os.remove(written)


def main():
    heapcore, gib, folder = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    capture = [heapcore, "capture"]
    ways = [("capture", capture), ("capture --at-once", [*capture, "--at-once"]), ("gcore", ["gcore"])]
    for busy in False, True:
        target = Target(gib, busy)
        print("%s GiB, %s" % (gib, "busy" if busy else "idle"), flush=True)
        for name, command in ways:
            measure(target, name, command, os.path.join(folder, "measured.core"))
        target.end()


if __name__ == "__main__":
    main()
