#!/usr/bin/env python3
"""heapcore collect, fed as the kernel feeds the handlers of its core_pattern: arguments, and a core on standard input."""
import contextlib
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TESTS, "truth"))
import cored
import dumping
import interpreters
import suites

NAMES = ("3.13", interpreters.DEBIAN)
STEM = "20231114T221320Z-%d-python3"  # of the time below
TIME = 1700000000
NO_PROCESS = 0
DONE, FAILED, USAGE = range(3)


def read(path):
    with open(path, "rb") as file:
        return file.read()


class CollectTest(cored.CoredCase):
    fixture = "retained.py"

    def setUp(self):
        self.kept = os.path.join(self.folder, "kept")
        os.mkdir(self.kept)
        self.addCleanup(shutil.rmtree, self.kept)

    def collect(self, *options, core=None, pid=NO_PROCESS, when=TIME, after=(), **more):
        """The ended handler; `core` is a path, or what is fed."""
        command = [self.heapcore, "collect", "--to", self.kept, *options, str(pid), "1", "6", str(when), "python3", *after]
        core = core or self.core
        fed = core if isinstance(core, bytes) else read(core)
        return subprocess.run(command, input=fed, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=dumping.PATIENCE, **more)

    def names(self):
        return sorted(os.listdir(self.kept))

    def path(self, ending, pid=NO_PROCESS):
        return os.path.join(self.kept, STEM % pid + ending)

    def objects(self, core):
        return dumping.heapcore_dump(self.heapcore, core)

    def test_the_analysis_is_kept_and_the_core_is_not(self):
        done = self.collect()
        self.assertEqual(DONE, done.returncode, done.stderr)
        self.assertEqual([STEM % 0 + ".json", STEM % 0 + ".txt"], self.names())
        self.assertIn(self.path(".txt"), done.stderr.decode())
        direct = json.loads(self.run_heapcore("analyze", "--full", "--json", self.core).stdout)
        collected = json.loads(read(self.path(".json")))
        for analysis in direct, collected:
            del analysis["image"]  # its name
        self.assertEqual(direct, collected)
        text = read(self.path(".txt")).decode()
        self.assertIn("Crash of process 0 (in its container 1), signal 6, program python3", text)
        self.assertIn("SIGABRT", text)
        self.assertEqual(0o600, os.stat(self.path(".txt")).st_mode & 0o777)

    def test_the_kernel_gives_a_handler_no_standard_output(self):
        def close():
            os.close(1)
            os.close(2)

        self.assertEqual(DONE, self.collect(preexec_fn=close).returncode)
        self.assertNotIn("heapcore collect:", read(self.path(".txt")).decode())
        self.assertEqual([STEM % 0 + ".json", STEM % 0 + ".txt"], self.names())

    def test_a_compact_capture_and_the_whole_core_hold_the_same_objects(self):
        done = self.collect("--capture", "--core")
        self.assertEqual(DONE, done.returncode, done.stderr)
        self.assertEqual([STEM % 0 + ending for ending in (".core", ".core.zst", ".json", ".txt")], self.names())
        objects = self.objects(self.core)
        self.assertEqual(objects, self.objects(self.path(".core")))
        self.assertEqual(objects, self.objects(self.path(".core.zst")))
        self.assertLess(os.stat(self.path(".core")).st_blocks * 512, os.path.getsize(self.core))

    def test_a_core_that_ends_early_is_told_as_cut(self):
        whole = read(self.core)
        done = self.collect("--capture", core=whole[: len(whole) - len(whole) // 50])
        self.assertEqual(DONE, done.returncode, done.stderr)
        analysis = json.loads(read(self.path(".json")))
        self.assertTrue(analysis["image"]["truncated"])
        self.assertEqual(self.path(".core"), analysis["image"]["path"])
        self.collect(core=whole[: len(whole) // 10])
        self.assertIn("cut short", read(self.path(".txt")).decode())

    def test_a_damaged_beginning_harms_nobody(self):
        whole = read(self.core)[: 1 << 18]
        generator = random.Random(7)
        for _ in range(16):
            damaged = bytearray(whole)
            for _ in range(8):
                at = generator.choice((generator.randrange(64), generator.randrange(4096), generator.randrange(len(whole))))
                damaged[at] = generator.choice((0, 1, 0x7F, 0xFF, generator.randrange(256)))
            done = self.collect(core=bytes(damaged))
            self.assertIn(done.returncode, (DONE, FAILED), done.stderr)
            self.assertNotIn("died of signal", done.stderr.decode())
            self.assertNotIn("Sanitizer", done.stderr.decode())
            self.assertNotIn("runtime error", done.stderr.decode())
        self.assertFalse(glob.glob(self.kept + "/*.partial"))

    def test_too_little_room_cuts_the_core_and_is_told(self):
        done = self.collect("--max-size", "1M")
        self.assertIn("The core was cut short", read(self.path(".txt")).decode())
        self.assertIn("cut short", done.stderr.decode())
        self.assertFalse(glob.glob(self.kept + "/*.partial"))

    def test_a_full_disk_leaves_a_line_and_no_rubbish(self):
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", self.kept],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if mounted.returncode:
            self.skipTest("no permission to mount a small disk")
        try:
            done = self.collect("--capture", "--core")
            # A hole of a file on a full tmpfs cannot even be read.
            self.assertRegex(done.stderr.decode(), "the core (is|was) cut short|the analysis died of signal 7")
            self.assertFalse(glob.glob(self.kept + "/*.partial"))
        finally:
            subprocess.run(["umount", self.kept], check=True)

    def test_a_folder_that_cannot_be_is_told(self):
        done = self.collect("--to", os.path.join(self.core, "below"))
        self.assertEqual(FAILED, done.returncode)
        self.assertIn("cannot write", done.stderr.decode())
        self.assertEqual([], self.names())

    def test_an_input_that_is_empty_or_closed_is_told(self):
        done = self.collect(core=b"\n")
        self.assertEqual((DONE, b""), (done.returncode, done.stderr))  # one byte is a core of nobody
        command = [self.heapcore, "collect", "--to", self.kept, "0", "1", "6", str(TIME), "python3"]
        for before in None, lambda: os.close(0):
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=before,
                timeout=dumping.PATIENCE)
            self.assertEqual(FAILED, done.returncode)
            self.assertIn("no core came on standard input", done.stderr.decode())
        self.assertEqual([], self.names())

    def test_a_core_that_never_ends_is_given_up(self):
        started = time.monotonic()
        command = [self.heapcore, "collect", "--to", self.kept, "--time-limit", "1", "0", "1", "6", str(TIME), "python3"]
        beginning = read(self.core)[: 1 << 20]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(beginning)
        self.assertIn("more than 1 s", process.stderr.read().decode())
        self.assertEqual(FAILED, process.wait(dumping.PATIENCE))
        self.assertLess(time.monotonic() - started, dumping.PATIENCE)  # its default is 600
        process.stdin.close()
        process.stderr.close()
        self.assertEqual([], self.names())

    def test_only_the_newest_crashes_are_kept_and_other_files_are_left_alone(self):
        with open(os.path.join(self.kept, "notes.txt"), "w") as file:
            file.write("mine")
        for index in range(4):
            self.assertEqual(DONE, self.collect("--keep", "2", when=TIME + index * 86400).returncode)
        stems = sorted({name.split("-")[0] for name in self.names()})
        self.assertEqual(["20231116T221320Z", "20231117T221320Z", "notes.txt"], stems)

    def test_what_another_handler_still_works_on_stays(self):
        received, waiting, given_up = ("20000101T00000%dZ-7-x.core%s" % each for each in ((1, ".partial"), (2, ""), (3, "")))
        for name in received, waiting, given_up:
            with open(os.path.join(self.kept, name), "w") as file:
                file.write("a crash")
        os.utime(os.path.join(self.kept, given_up), (TIME, TIME))
        self.assertEqual(DONE, self.collect("--keep", "1").returncode)
        self.assertEqual([received, waiting], [name for name in self.names() if name.startswith("2000")])

    def test_what_the_process_itself_can_tell_is_kept(self):
        process = subprocess.Popen(["/bin/sleep", "1000"])
        try:
            process.send_signal(signal.SIGSTOP)
            done = self.collect(pid=process.pid)
        finally:
            process.kill()
            process.wait()
        self.assertEqual(DONE, done.returncode, done.stderr)
        self.assertIn("Command: /bin/sleep 1000\n", read(self.path(".txt", process.pid)).decode())

    def test_wrong_arguments_are_refused(self):
        for arguments in ([], ["python"], ["--keep", "0", "1"], ["--max-size", "big", "1"], ["--what", "1"],
                ["1", "--else"]):
            done = self.run_heapcore("collect", *arguments, status=USAGE)
            self.assertIn("usage: heapcore collect", done.stderr.decode())


class OtherProgramTest(unittest.TestCase):
    """Of a program that runs no Python."""

    heapcore = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-collect-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        if not dumping.kernel_writes_cores_here():
            raise unittest.SkipTest("the kernel writes no core file here")
        subprocess.run("ulimit -c unlimited; exec /bin/sh -c 'kill -ABRT $$'", shell=True, cwd=cls.folder,
            stderr=subprocess.DEVNULL)
        cls.core = glob.glob(cls.folder + "/core*")[0]

    def collect(self, *after, program="sh"):
        kept = os.path.join(self.folder, "kept")
        with open(self.core, "rb") as file:
            return kept, subprocess.run([self.heapcore, "collect", "--to", kept, "0", "1", "6", str(TIME), program, *after],
                stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=dumping.PATIENCE)

    def test_it_is_left_alone(self):
        kept, done = self.collect()
        self.assertEqual((DONE, b""), (done.returncode, done.stderr))
        self.assertFalse(os.path.exists(kept))

    def test_it_is_handed_on_with_its_whole_core(self):
        copy = os.path.join(self.folder, "copy")
        _, done = self.collect("--else", "/bin/sh", "-c", "cat >'%s'; echo $0" % copy, "name")
        self.assertEqual((DONE, b"name\n"), (done.returncode, done.stdout), done.stderr)
        self.assertEqual(read(self.core), read(copy))

    def test_a_name_that_looks_like_an_option_is_a_name(self):
        _, done = self.collect("--else", "/bin/echo", "called", program="--else")
        self.assertEqual((DONE, b"called\n"), (done.returncode, done.stdout), done.stderr)

    def test_a_name_cannot_forge_a_line_of_the_log(self):
        _, done = self.collect("--else", "/nowhere", program="x\nheapcore: y")
        self.assertEqual(1, done.stderr.count(b"\n"))
        self.assertIn(b"(x_heapcore__y)", done.stderr)

    def test_a_handler_that_cannot_run_is_told(self):
        _, done = self.collect("--else", os.path.join(self.folder, "nothing"))
        self.assertEqual(FAILED, done.returncode)
        self.assertIn("could not be run", done.stderr.decode())


def main():
    arguments = suites.parse(suites.argument_parser(__doc__, NAMES))
    OtherProgramTest.heapcore = arguments.heapcore
    return suites.run(lambda interpreter: [CollectTest], arguments, NAMES, [OtherProgramTest])


if __name__ == "__main__":
    sys.exit(main())
