#!/usr/bin/env python3
"""What cannot be captured gets one clear sentence, no half file is left, and the process goes on.

    python3 tests/capture/refusals_test.py --heapcore BIN [TEST ...]
"""
import ctypes
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

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import suites

PATIENCE = 300  # seconds
PTRACE_SEIZE = 0x4206
NOBODY = 65534
SIZE = 600 << 20  # of the process that is met in the middle of its capture


def state_of(pid):
    with open("/proc/%d/stat" % pid) as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.005)


class RefusalsTest(unittest.TestCase):
    heapcore = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="heapcore-refusals-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.core = os.path.join(self.folder, "core")

    def start(self, *command, **options):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def command(self, pid, *options, core=None):
        return [self.heapcore, "capture", "-p", str(pid), "-o", core or self.core, *options]

    def capture(self, pid, *options, core=None, **running):
        return subprocess.run(self.command(pid, *options, core=core), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True, timeout=PATIENCE, **running)

    def check_refused(self, done, phrase, status=1):
        self.assertEqual(status, done.returncode, done.stderr)
        self.assertRegex(done.stderr, phrase)
        self.assertTrue(done.stderr.startswith("heapcore: "), done.stderr)
        self.assertEqual([], os.listdir(self.folder))

    def cat(self, **options):
        return self.start("cat", **options)

    def check_goes_on(self, process):
        self.assertEqual(b"hello", process.communicate(b"hello", timeout=PATIENCE)[0])
        self.assertEqual(0, process.returncode)

    def test_wrong_usage(self):
        for arguments, phrase in (
                (["-o", self.core], "which process"), (["-p", "1"], "where to"), (["-p", "0", "-o", self.core], "-p"),
                (["-p", "1", "-o", self.core, "more"], "one too many"), (["--what"], "unknown")):
            done = subprocess.run([self.heapcore, "capture", *arguments], stderr=subprocess.PIPE,
                universal_newlines=True, timeout=PATIENCE)
            self.check_refused(done, phrase, status=2)

    def test_a_process_that_is_not_there(self):
        process = self.cat()
        process.kill()
        process.wait()
        self.check_refused(self.capture(process.pid), "there is no process %d" % process.pid)

    def test_a_process_that_has_ended(self):
        process = self.cat()
        process.kill()
        wait_until(lambda: state_of(process.pid) == "Z")
        self.check_refused(self.capture(process.pid), "process %d has ended" % process.pid)

    def test_a_part_of_the_kernel(self):
        try:
            with open("/proc/2/comm") as file:
                is_kernel = file.read().strip() == "kthreadd"
        except FileNotFoundError:
            is_kernel = False
        if not is_kernel:
            self.skipTest("no kernel threads are seen here")
        self.check_refused(self.capture(2), "is a part of the kernel|no permission")

    def test_a_process_that_is_traced(self):
        process = self.cat()
        if ctypes.CDLL(None, use_errno=True).ptrace(PTRACE_SEIZE, process.pid, None, None) != 0:
            self.skipTest("no ptrace here")
        self.check_refused(self.capture(process.pid), "already traced by process %d" % os.getpid())
        self.check_goes_on(process)

    def test_a_process_that_is_stopped_is_captured_and_stays_stopped(self):
        process = self.cat()
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: state_of(process.pid) == "T")
        done = self.capture(process.pid)
        self.assertEqual(0, done.returncode, done.stderr)
        wait_until(lambda: state_of(process.pid) == "T")
        process.send_signal(signal.SIGCONT)
        self.check_goes_on(process)

    def test_a_thread_that_waits_in_the_kernel_and_cannot_be_stopped(self):
        wait_in_vfork = "import ctypes, time; ctypes.PyDLL(None).vfork(); time.sleep(%d)" % PATIENCE
        process = self.start(sys.executable, "-c", wait_in_vfork, start_new_session=True)
        self.addCleanup(os.killpg, process.pid, signal.SIGKILL)
        try:
            wait_until(lambda: state_of(process.pid) == "D")
        except AssertionError:
            self.skipTest("this system shows no waiting vfork()")
        for options in ([], ["--at-once"]):
            done = self.capture(process.pid, *options)
            self.assertEqual(0, done.returncode, done.stderr)

    def test_a_process_of_somebody_else(self):
        if os.geteuid() != 0:
            self.skipTest("wants to be root, who can be somebody else")
        os.chmod(self.folder, 0o777)
        process = self.cat()
        for path in (self.heapcore, self.folder):
            if subprocess.run(["test", "-r", path], user=NOBODY).returncode:
                self.skipTest("nobody but root gets to the program")
        self.check_refused(self.capture(process.pid, user=NOBODY, group=NOBODY, extra_groups=[]),
            "no permission to stop process %d; try .*CAP_SYS_PTRACE" % process.pid)
        self.check_goes_on(process)

    def test_a_program_of_32_bits(self):
        # pause() for ever: an ELF header, one program header, code.
        code = bytes.fromhex("b81d000000cd80ebf7")
        base, start = 0x8048000, 52 + 32
        header = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\1\1\1", 2, 3, 1, base + start, 52, 0, 0, 52, 32, 1, 0, 0, 0)
        segment = struct.pack("<8I", 1, 0, base, base, start + len(code), start + len(code), 5, 4096)
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "program")
            with open(program, "wb") as file:
                file.write(header + segment + code)
            os.chmod(program, 0o755)
            try:
                process = self.start(program)
            except OSError:
                self.skipTest("the kernel runs no programs of 32 bits")
            self.check_refused(self.capture(process.pid), "another machine \\(32 bits\\)")
            self.assertIsNone(process.poll())

    def test_places_where_no_file_can_be(self):
        process = self.cat()
        nowhere = os.path.join(self.folder, "no", "such", "core")
        self.check_refused(self.capture(process.pid, core=nowhere), "cannot write .*No such file")
        self.check_refused(self.capture(process.pid, core="/"), "/ is there and is no regular file")
        self.check_refused(self.capture(process.pid, core="/dev/null"), "/dev/null is there and is no regular file")
        self.check_goes_on(process)

    def test_a_disk_without_room(self):
        process = self.cat()

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, ((1 << 20) + 4096,) * 2)

        for options in (), ("--at-once",):
            self.check_refused(self.capture(process.pid, *options, preexec_fn=limit), "cannot write .*File too large")
        self.check_goes_on(process)

    def test_a_full_disk(self):
        small = os.path.join(self.folder, "small")
        os.mkdir(small)
        script = "mount -t tmpfs -o size=256k none %s && %s; status=$?; ls -A %s; exit $status"
        process = self.cat()
        capture = " ".join(self.command(process.pid, core=os.path.join(small, "core")))
        if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("no mounts here")
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script % (small, capture, small)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=PATIENCE)
        self.assertEqual("", done.stdout, "files left on the full disk")
        os.rmdir(small)
        self.check_refused(done, "cannot write .*No space left")
        self.check_goes_on(process)

    def test_an_older_file_stays_until_the_new_one_is_whole(self):
        process = self.cat()
        with open(self.core, "w") as file:
            file.write("old")
        with open(self.core + ".partial", "w") as file:
            file.write("left by a capture that was killed")
        done = self.capture(process.pid, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)))
        self.assertEqual(1, done.returncode, done.stderr)
        with open(self.core) as file:
            self.assertEqual("old", file.read())
        self.assertEqual(0, self.capture(process.pid).returncode)
        with open(self.core, "rb") as file:
            self.assertEqual(b"\x7fELF", file.read(4))
        self.assertEqual(0o600, os.stat(self.core).st_mode & 0o777)
        self.assertEqual(["core"], os.listdir(self.folder))

    def meet_in_the_middle(self, *options):
        """(the process, its capture, which has begun to write)."""
        program = "import sys; a = bytearray(b'x') * %d; print(1, flush=True); print(len(sys.stdin.read()))" % SIZE
        process = self.start(sys.executable, "-S", "-c", program)
        self.assertEqual(b"1\n", process.stdout.readline())
        capture = subprocess.Popen(self.command(process.pid, *options), stderr=subprocess.PIPE, universal_newlines=True)
        partial = self.core + ".partial"

        def has_begun():
            try:
                return os.stat(partial).st_size > 0
            except FileNotFoundError:
                return capture.poll() is not None

        wait_until(has_begun)
        return process, capture

    def finish(self, capture):
        _, said = capture.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(capture.args, capture.returncode, "", said)

    def check_interrupted(self, number, *options):
        """Whether the capture was not through before."""
        process, capture = self.meet_in_the_middle(*options)
        capture.send_signal(number)
        done = self.finish(capture)
        self.assertEqual(b"5\n", process.communicate(b"hello", timeout=PATIENCE)[0])
        self.assertEqual(0, process.returncode)
        if not done.returncode:
            os.remove(self.core)
            return False
        self.check_refused(done, "process %d runs on, no file was written: interrupted" % process.pid)
        return True

    def test_an_interrupted_capture_lets_the_process_go_and_leaves_nothing(self):
        for options, number in ((), signal.SIGINT), (("--at-once",), signal.SIGTERM):
            wait_until(lambda: self.check_interrupted(number, *options))

    def check_killed_in_the_middle(self, *options):
        """Whether the capture was not through before."""
        process, capture = self.meet_in_the_middle(*options)
        process.kill()
        done = self.finish(capture)
        process.wait()
        if not done.returncode:
            os.remove(self.core)
            return False
        self.check_refused(done, "process %d ended|there is no process|has ended" % process.pid)
        return True

    def test_a_process_that_is_killed_in_the_middle(self):
        for options in (), ("--at-once",):
            wait_until(lambda: self.check_killed_in_the_middle(*options))


def main():
    parser = suites.argument_parser(__doc__, ())
    arguments = suites.parse(parser)
    RefusalsTest.heapcore = arguments.heapcore
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(RefusalsTest)
    chosen = [test for test in suite if not arguments.tests or any(part in test.id() for part in arguments.tests)]
    return 0 if unittest.TextTestRunner(verbosity=2).run(unittest.TestSuite(chosen)).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
