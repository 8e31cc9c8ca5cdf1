#!/usr/bin/env python3
"""heapcore watch: a growing process is captured before it is killed, or by its size where no group can be made."""
import contextlib
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "truth"))
import dumping
import interpreters
import memory_group
import suites

MIB = 1 << 20
NAMES = ("3.13", interpreters.DEBIAN)
BOUND = 16 * MIB  # of the watcher's own memory: docs/oom.md
PATIENCE = 300
# Runs a command and prints the most KiB it had resident. A process of its own: what is forked begins with our size.
MEASURE = """if True:
    import os, sys
    _, status, usage = os.wait4(os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:]), 0)
    print(usage.ru_maxrss)
    sys.exit(os.waitstatus_to_exitcode(status))
"""
CAPTURED, FAILED, USAGE, NOTHING = range(4)


class Watcher:
    """A running `heapcore watch`."""

    def __init__(self, heapcore, *arguments, through=()):
        self.process = subprocess.Popen([*through, heapcore, "watch", *map(str, arguments)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.first = self.process.stderr.readline().decode()

    def end(self):
        """(exit status, what it said on stderr, on stdout)"""
        output, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, self.first + errors.decode(), output.decode()


@contextlib.contextmanager
def sleeping(before):
    process = subprocess.Popen(["/bin/sleep", "1000"], preexec_fn=before)
    try:
        yield
    finally:
        process.kill()
        process.wait()


class WatchCase(unittest.TestCase):
    heapcore = None
    interpreter = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="heapcore-watch-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.record = os.path.join(self.folder, "record")
        self.core = os.path.join(self.folder, "captured.core")

    @contextlib.contextmanager
    def growing(self, megabytes, before=None):
        process = subprocess.Popen(
            [*dumping.enter(self.interpreter), self.interpreter.executable,
                os.path.join(dumping.FIXTURES, "growing.py"), self.record, str(megabytes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=before,
            env=dumping.clean_environment())
        try:
            self.assertEqual(b"READY\n", process.stdout.readline())
            yield process
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()

    def let_grow(self, process):
        process.stdin.write(b"\n")
        process.stdin.flush()

    def sessions(self):
        with open(self.record, "rb") as file:
            return struct.unpack("<Q", file.read() or bytes(8))[0]

    def watch(self, *arguments, through=()):
        return Watcher(self.heapcore, *arguments, "-o", self.core, through=through)

    def run_watch(self, *arguments):
        return subprocess.run([self.heapcore, "watch", *map(str, arguments)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)

    def query(self, *expressions):
        done = subprocess.run([self.heapcore, "query", "--json", self.core, *expressions], stdout=subprocess.PIPE,
            timeout=PATIENCE, check=True)
        return [answer.get("value", answer) for answer in json.loads(done.stdout)]

    def check_leak(self, last):
        """The capture has the sessions up to some time before there were `last`, and shows what holds them."""
        count, held = self.query("(h & __main__.Session).count", "(h & __main__.Session).domisize")
        self.assertLessEqual(count, last + 1000)
        self.assertGreater(count, last * 0.7)
        self.assertGreater(held, count * 880)
        done = subprocess.run([self.heapcore, "retained", "--json", self.core], stdout=subprocess.PIPE,
            timeout=PATIENCE, check=True)
        self.assertIn("SESSIONS", done.stdout.decode())


class WatchTest(WatchCase):
    def test_a_process_of_a_group_is_captured_and_then_killed_by_the_kernel(self):
        try:
            with memory_group.limited("kill", 96 * MIB) as group:
                self.capture_in(group)
        except memory_group.NoGroup as reason:
            print("no control group: %s; covered by resident memory only" % reason, flush=True)
            self.capture_by_size()

    def capture_in(self, group):
        print("in the control group %s" % group.path, flush=True)
        with sleeping(group.enter), self.growing(1000, group.enter) as process:
            watcher = self.watch("--cgroup", group.path, "--at", "80%", "--heap-only")
            self.let_grow(process)
            status, said, answer = watcher.end()
            self.assertEqual(CAPTURED, status, said)
            self.assertEqual(-signal.SIGKILL, process.wait(PATIENCE))
            self.assertEqual(1, group.kills())
            last = self.sessions()
        self.assertIn("captured process %d" % process.pid, answer)
        self.assertIn(group.path, said)
        self.check_leak(last)

    def capture_by_size(self):
        with self.growing(150) as process:
            watcher = self.watch("-p", process.pid, "--at", "80M")
            self.let_grow(process)
            status, said, answer = watcher.end()
            self.assertEqual(CAPTURED, status, said)
            self.assertIn("captured process %d" % process.pid, answer)
            self.assertIn("resident memory came to", said)
            self.assertIsNone(process.poll())
            last = self.sessions()
        # It went on growing meanwhile.
        self.assertGreater(last, 0)
        self.assertLessEqual(self.query("(h & __main__.Session).count")[0], last + 1000)

    def test_a_process_is_captured_by_its_size(self):
        self.capture_by_size()

    def test_a_limit_of_the_address_space_counts(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (200 * MIB, 200 * MIB))

        with self.growing(1000, limit) as process:
            watcher = self.watch("-p", process.pid)
            self.let_grow(process)
            status, said, _ = watcher.end()
            self.assertEqual(CAPTURED, status, said)
            self.assertIn("address space (ulimit -v) came to", said)
            self.assertEqual(1, process.wait(PATIENCE))  # of MemoryError
            self.check_leak(self.sessions())

    def test_a_process_that_ends_first_is_told(self):
        with self.growing(1) as process:
            watcher = self.watch("-p", process.pid)
            process.kill()
            status, said, _ = watcher.end()
        self.assertEqual(NOTHING, status, said)
        self.assertIn("ended before it came to the mark; nothing was captured", said)
        self.assertFalse(os.path.exists(self.core))

    def test_a_signal_ends_the_watching_cleanly(self):
        for number in signal.SIGTERM, signal.SIGINT:
            with self.growing(1) as process:
                watcher = self.watch("-p", process.pid)
                watcher.process.send_signal(number)
                status, said, _ = watcher.end()
                self.assertIsNone(process.poll())
            self.assertEqual(NOTHING, status, said)
            self.assertIn("asked to stop; nothing was captured", said)

    def test_a_limit_that_sinks_while_watched_counts_and_a_group_that_goes_is_told(self):
        try:
            with memory_group.limited("sink", 512 * MIB) as group:
                with self.growing(30, group.enter) as process:
                    watcher = self.watch("-p", process.pid)
                    self.let_grow(process)
                    while self.sessions() < 24000:
                        self.assertIsNone(process.poll())
                        time.sleep(0.01)
                    self.assertIsNone(watcher.process.poll())
                    group.limit(group.taken() * 100 // 96)  # which is above the mark of 90 percent
                    status, said, _ = watcher.end()
                    self.assertEqual(CAPTURED, status, said)
                watcher = self.watch("--cgroup", group.path)
                group.remove()
                status, said, _ = watcher.end()
                self.assertEqual(NOTHING, status, said)
                self.assertIn("is gone", said)
        except memory_group.NoGroup as reason:
            self.skipTest("no control group: %s" % reason)

    def test_a_file_that_cannot_be_written_and_a_missing_process_are_told_at_once(self):
        pid = str(os.getpid())
        for arguments, status, words in (
            (["-p", pid, "-o", os.path.join(self.folder, "no", "core")], FAILED, "cannot write to the folder"),
            (["-p", pid, "-o", self.folder], FAILED, "is there and is no regular file"),
            (["-p", "4194304", "-o", self.core], FAILED, "there is no process 4194304"),
            (["--cgroup", self.folder, "-o", self.core], FAILED, "is no control group"),
            (["-p", pid, "--at", "190%", "-o", self.core], USAGE, "from 1 to 100"),
            (["-p", pid, "--at", "much", "-o", self.core], USAGE, "such as 512M"),
            (["-p", pid], USAGE, "-o FILE"),
            (["-o", self.core], USAGE, "-p PID"),
        ):
            with self.subTest(arguments):
                done = self.run_watch(*arguments)
                self.assertEqual(status, done.returncode, done.stderr)
                self.assertIn(words, done.stderr.decode())

    def test_the_watcher_keeps_within_its_bound(self):
        with open(self.heapcore, "rb") as file:
            if b"__asan_init" in file.read():
                self.skipTest("the sanitizer takes memory of its own")
        with self.growing(150) as process:
            watcher = self.watch("-p", process.pid, "--at", "80M", through=(sys.executable, "-SEc", MEASURE))
            self.let_grow(process)
            status, said, answer = watcher.end()
        self.assertEqual(CAPTURED, status, said)
        taken = int(answer.splitlines()[-1]) * 1024
        print("the watcher took %.1f MiB" % (taken / MIB), flush=True)
        self.assertLess(taken, BOUND)


def main():
    arguments = suites.parse(suites.argument_parser(__doc__, NAMES))
    return suites.run(lambda interpreter: [WatchTest], arguments, NAMES)


if __name__ == "__main__":
    sys.exit(main())
