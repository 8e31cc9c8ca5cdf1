#!/usr/bin/env python3
"""What heapcore cannot read gets one clear sentence and exit status 1; what it can read in part gets a report.

    python3 tests/cli/bad_input_test.py --heapcore BIN [TEST ...]
"""
import argparse
import contextlib
import glob
import json
import os
import pwd
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import dumping
import interpreters

PATIENCE = 300  # seconds: no input may take longer
SIZE_LIMIT = 1 << 16  # of a message: no input may be echoed without end
SEEDS = int(os.environ.get("HEAPCORE_SEEDS", "8"))  # of random damage
PROGRAM = """
import os
class Basket:
    def __init__(self, number):
        self.items = [str(number), number + 0.5]
baskets = [Basket(number) for number in range(5000)]
print("READY", flush=True)
os.read(0, 1)
"""


# As much as is asked for before the layouts: Python's symbols, and the head of its objects.
FREE_THREADED = """
#include <stdlib.h>
typedef struct _object { unsigned long ob_tid; unsigned ob_ref_local; long ob_ref_shared; void *ob_type; } PyObject;
PyObject _PyRuntime = {1}, PyType_Type = {1}, PyDict_Type = {1};
int subtype_traverse(void) { return 0; }
int main(void) { abort(); }
"""


def allow_core():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


@contextlib.contextmanager
def running(command, folder, environment=None, ready=None):
    process = subprocess.Popen(
        command, cwd=folder, env=environment or dumping.clean_environment(), preexec_fn=allow_core,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if ready and process.stdout.readline() != ready:
            raise AssertionError("%s did not start" % command[0])
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def take_core(process, folder):
    if dumping.kernel_writes_cores_here():
        process.send_signal(signal.SIGABRT)
        process.wait()
    else:
        subprocess.run(["gcore", "-o", os.path.join(folder, "core"), str(process.pid)],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    (core,) = glob.glob(os.path.join(glob.escape(folder), "core*"))
    return core


def python_command(executable):
    return [executable, "-S", "-c", PROGRAM]


def core_of_python(executable, folder, environment=None):
    with running(python_command(executable), folder, environment, b"READY\n") as process:
        return take_core(process, folder)


def damaged(content, seed):
    """`content` with words of its memory replaced by zero, by small numbers, by noise and by words from elsewhere."""
    choose = random.Random(seed)
    content = bytearray(content)
    start = 0 if seed % 4 == 0 else 4096  # every fourth loses headers and notes, too
    for _ in range(10 ** choose.randrange(1, 5)):
        at = choose.randrange(start, len(content) - 8) & ~7
        other = choose.randrange(0, len(content) - 8) & ~7
        word = choose.choice((bytes(8), choose.randrange(256).to_bytes(8, "little"),
                              choose.getrandbits(64).to_bytes(8, "little"), content[other : other + 8]))
        content[at : at + 8] = word
    return content


@contextlib.contextmanager
def kept_on_failure(path):
    """A core that fails is kept for study, in the folder $HEAPCORE_KEEP: addresses differ from run to run."""
    try:
        yield
    except Exception:
        folder = os.environ.get("HEAPCORE_KEEP")
        if folder:
            print("kept:", shutil.copy(path, os.path.join(folder, "damaged-%d.core" % time.time_ns())))
        raise


def find_libpython(executable):
    """The libpython that an interpreter is linked with, or None."""
    found = glob.glob(os.path.join(os.path.dirname(executable), "..", "lib", "libpython3.*.so.1.0"))
    return os.path.realpath(found[0]) if found else None


class BadInputTest(unittest.TestCase):
    heapcore = None

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="heapcore-bad-input-")
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.interpreters = [found for found in map(interpreters.find, interpreters.NAMES) if found]
        cls.cores = {}

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="heapcore-bad-input-")
        self.addCleanup(shutil.rmtree, self.folder)

    def run_heapcore(self, *arguments, program=None, **options):
        """The ended process. It may end with any status, but not by a signal, late, or with a message without end."""
        done = subprocess.run(
            [program or self.heapcore, *arguments], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE, **options)
        done.message = done.stderr.decode()
        self.assertIn(done.returncode, (0, 1, 2), "%s: %s" % (arguments, done.message))
        self.assertLess(len(done.message), SIZE_LIMIT)
        return done

    def assert_sentence(self, done, *words):
        """One line on stderr that says `words`, exit status 1, and nothing that looks like a result."""
        self.assertEqual(done.returncode, 1, done.message)
        self.assertRegex(done.message, r"\Aheapcore: [^\n]+\n\Z")
        for word in words:
            self.assertIn(word, done.message)
        self.assertEqual(done.stdout, b"")

    def assert_refused(self, path, *words):
        """Every command that takes a core refuses it alike."""
        for command in ("analyze", "dump", "layouts", "threads"):
            with self.subTest(command=command):
                self.assert_sentence(self.run_heapcore(command, path), path, *words)

    def file(self, content, name="core"):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def some_interpreters(self):
        """One that is a shared library and one that is a program, as far as they are here."""
        chosen = self.interpreters[:1] + self.interpreters[-1:]
        if not chosen:
            self.skipTest("no interpreter with debug information here")
        return {interpreter.name: interpreter.executable for interpreter in chosen}

    def python_core(self, executable):
        """A whole core, made once; nobody writes to it."""
        if executable not in self.cores:
            folder = tempfile.mkdtemp(dir=self.shared)
            self.cores[executable] = core_of_python(executable, folder)
        return self.cores[executable]

    def each_python_core(self):
        """The bytes of a core of each of some_interpreters(), in a subtest."""
        for name, executable in self.some_interpreters().items():
            with self.subTest(interpreter=name):
                with open(self.python_core(executable), "rb") as file:
                    yield file.read()

    # Files that are no cores

    def test_text_is_no_elf_file(self):
        self.assert_refused(self.file(b"This is not a core.\n" * 100), "not an ELF file")

    def test_a_single_byte_is_no_elf_file(self):
        self.assert_refused(self.file(b"\x7f"), "not an ELF file")

    def test_four_bytes_of_magic_are_a_damaged_header(self):
        self.assert_refused(self.file(b"\x7fELF"), "header")

    def test_an_empty_file_is_told_as_such(self):
        self.assert_refused(self.file(b""), "is empty")

    def test_a_program_is_no_core(self):
        self.assert_refused(shutil.copy(sys.executable, self.folder), "not a core file")

    def test_a_directory_is_told_as_such(self):
        self.assert_refused(self.folder, "is a directory")

    def test_a_file_that_is_not_there_is_told_as_such(self):
        self.assert_refused(os.path.join(self.folder, "none"), "no file")

    def test_a_pipe_is_no_core_and_is_not_waited_for(self):
        path = os.path.join(self.folder, "pipe")
        os.mkfifo(path)
        self.assert_refused(path, "pipe")

    def test_a_file_that_may_not_be_read_is_told_as_such(self):
        path = self.file(b"\x7fELF", "secret")
        os.chmod(path, 0)
        if os.getuid() != 0:
            self.assert_refused(path, "permission")
            return
        done = self.run_as_nobody("analyze", path)
        self.assert_sentence(done, path, "permission")

    def run_as_nobody(self, *arguments):
        """From a folder that nobody may enter, with a copy of the program that nobody may run."""
        os.chmod(self.folder, 0o755)
        program = shutil.copy(self.heapcore, os.path.join(self.folder, "heapcore"))
        os.chmod(program, 0o755)
        nobody = pwd.getpwnam("nobody")

        def become_nobody():
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)

        return self.run_heapcore(*arguments, program=program, preexec_fn=become_nobody, cwd="/")

    # Cores of something else

    def test_a_core_of_a_program_without_python_is_told_as_such(self):
        with running(["/bin/sleep", "100"], self.folder) as process:
            subprocess.run(["sleep", "0.2"], check=True)
            core = take_core(process, self.folder)
        self.assert_refused(core, "no Python")

    # Cores cut short

    def check_cut_core(self, percent):
        """Either a report that counts the loss, or one sentence that says why there is none."""
        for content in self.each_python_core():
            path = self.file(content[: len(content) * percent // 100])
            for command in ("analyze", "dump", "layouts", "threads"):
                with self.subTest(command=command):
                    done = self.run_heapcore(command, path)
                    if done.returncode != 0:
                        self.assert_sentence(done, path, "cut")
                    elif command == "analyze":
                        self.check_loss_is_counted(path, done.stdout)

    def check_loss_is_counted(self, path, printed):
        self.assertIn(b"cut short", printed)
        report = json.loads(self.run_heapcore("analyze", "--json", path).stdout)
        self.assertIs(report["image"]["truncated"], True)
        self.assertGreater(report["losses"]["truncated_bytes"], 0)

    def test_a_core_cut_at_10_percent_is_reported_or_refused(self):
        self.check_cut_core(10)

    def test_a_core_cut_at_50_percent_is_reported_or_refused(self):
        self.check_cut_core(50)

    def test_a_core_cut_at_90_percent_is_reported_or_refused(self):
        self.check_cut_core(90)

    def test_a_core_cut_at_99_percent_is_reported_with_its_loss(self):
        self.check_cut_core(99)

    def test_a_core_cut_inside_its_first_page_is_refused(self):
        for content in self.each_python_core():
            for length in (20, 63, 64, 100, 1000, 4096):
                with self.subTest(length=length):
                    self.assert_refused(self.file(content[:length]))

    # Damaged cores

    def test_random_damage_neither_crashes_nor_hangs(self):
        for content in self.each_python_core():
            for seed in range(SEEDS):
                path = self.file(damaged(content, seed))
                for command in ("analyze", "dump"):
                    with self.subTest(command=command, seed=seed), kept_on_failure(path):
                        done = self.run_heapcore(command, path)
                        if done.returncode != 0:
                            self.assert_sentence(done)

    # Interpreters that are gone, of another build or of a kind that is not read

    def test_a_free_threaded_build_is_refused_by_that_name(self):
        if not shutil.which("gcc") or not dumping.kernel_writes_cores_here():
            self.skipTest("needs gcc, and the kernel's own cores")
        source = os.path.join(self.folder, "Objects", "object.c")
        os.makedirs(os.path.dirname(source))
        with open(source, "w") as file:
            file.write(FREE_THREADED)
        program = os.path.join(self.folder, "python3.14t")
        subprocess.run(["gcc", "-g", "-o", program, source], check=True)
        subprocess.run([program], cwd=self.folder, preexec_fn=allow_core)
        (core,) = glob.glob(os.path.join(glob.escape(self.folder), "core*"))
        self.assert_sentence(self.run_heapcore("analyze", core), "free-threaded")

    def copied_interpreter(self):
        """A copy of an interpreter and its libpython in self.folder/prefix, with the environment to run it."""
        for interpreter in self.interpreters:
            library = find_libpython(interpreter.executable)
            if library:
                break
        else:
            self.skipTest("no interpreter with a libpython and debug information here")
        prefix = os.path.join(self.folder, "prefix")
        os.makedirs(prefix)
        copy = shutil.copy(os.path.realpath(interpreter.executable), prefix)
        environment = dumping.clean_environment()
        environment["LD_LIBRARY_PATH"] = prefix
        environment["PYTHONHOME"] = os.path.dirname(os.path.dirname(interpreter.executable))
        return copy, shutil.copy(library, prefix), environment

    def assert_read_without(self, core, library, state):
        """The report is made of what the core holds, and says what is missing."""
        done = self.run_heapcore("analyze", "--full", core)
        self.assertEqual(done.returncode, 0, done.message)
        report = done.stdout.decode()
        self.assertIn("no debug information; table", report)
        self.assertTrue(any(state in line and os.path.basename(library) in line for line in report.splitlines()),
            report)
        for command in ("dump", "layouts", "threads"):
            self.assertEqual(self.run_heapcore(command, core).returncode, 0, command)

    def test_a_core_whose_libpython_is_gone_names_the_missing_file(self):
        executable, library, environment = self.copied_interpreter()
        core = core_of_python(executable, self.folder, environment)
        os.remove(executable)
        os.remove(library)
        self.assert_read_without(core, library, "not there")

    def test_a_core_whose_libpython_is_another_build_says_so(self):
        executable, library, environment = self.copied_interpreter()
        core = core_of_python(executable, self.folder, environment)
        others = [find_libpython(other.executable) for other in self.interpreters]
        others = [other for other in others if other and os.path.basename(other) != os.path.basename(library)]
        if not others:
            self.skipTest("no second libpython here")
        os.remove(library)
        shutil.copy(others[0], library)
        self.assert_read_without(core, library, "another build")

    def test_a_core_whose_static_interpreter_is_gone_names_the_missing_file(self):
        interpreter = interpreters.find(interpreters.DEBIAN)
        if not interpreter:
            self.skipTest("no Debian interpreter with debug information here")
        copy = shutil.copy(os.path.realpath(interpreter.executable), os.path.join(self.folder, "python-gone"))
        environment = dumping.clean_environment()
        environment["PYTHONHOME"] = "/usr"
        core = core_of_python(copy, self.folder, environment)
        os.remove(copy)
        done = self.run_heapcore("analyze", "--full", core)
        # Its debug information lies elsewhere, and its data is in the core: a report may do without the file.
        if done.returncode == 0:
            self.assertIn("python-gone", done.stdout.decode())
        else:
            self.assert_sentence(done, "python-gone")

    def test_an_executable_given_with_exe_that_is_another_build_is_not_believed(self):
        for executable in self.some_interpreters().values():
            done = self.run_heapcore("analyze", "--full", "--exe", "/bin/sleep", self.python_core(executable))
            if done.returncode == 0:
                self.assertIn("another build", done.stdout.decode())
            else:
                self.assert_sentence(done, "build")

    # Processes

    def test_a_process_that_does_not_exist_is_told_as_such(self):
        pid = 1 << 22  # the kernel gives none as high
        for command in ("analyze", "dump", "layouts", "threads"):
            with self.subTest(command=command):
                self.assert_sentence(self.run_heapcore(command, "-p", str(pid)), "no process %d" % pid)

    def test_a_process_without_python_is_told_as_such_and_goes_on(self):
        with running(["/bin/cat"], self.folder) as process:
            process.stdin.write(b"first\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b"first\n")
            self.assert_sentence(self.run_heapcore("analyze", "-p", str(process.pid)), "no Python")
            process.stdin.write(b"second\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b"second\n")

    def test_a_process_of_somebody_else_is_told_as_such(self):
        if os.getuid() != 0:
            self.assert_sentence(self.run_heapcore("analyze", "-p", "1"), "permission")
            return
        with running(["/bin/cat"], self.folder) as process:
            self.assert_sentence(self.run_as_nobody("analyze", "-p", str(process.pid)), "permission")

    # Wrong usage

    def test_wrong_usage_ends_with_status_2_and_says_what_is_right(self):
        for arguments in (
            [], ["analyse", "core"], ["analyze"], ["analyze", "--no-such-option", "core"], ["analyze", "core", "core"],
            ["analyze", "-p", "many"], ["analyze", "-p", "-5"], ["analyze", "-p"], ["analyze", "-p", "1", "core"],
            ["analyze", "--limit", "some", "core"], ["analyze", "--exe"],
        ):
            with self.subTest(arguments=arguments):
                done = self.run_heapcore(*arguments)
                self.assertEqual(done.returncode, 2, done.message)
                self.assertRegex(done.message, "(?i)heapcore")
                self.assertEqual(done.stdout, b"")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heapcore", required=True, help="the program under test")
    arguments, rest = parser.parse_known_args()
    BadInputTest.heapcore = os.path.abspath(arguments.heapcore)
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()
