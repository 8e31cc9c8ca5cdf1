"""docs/gdb.md: from a crash in a C extension to the Python object that caused it."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import driving
from driving import PATIENCE, run_gdb
import dumping

MANUAL = os.path.join(driving.HERE, "..", "..", "docs", "gdb.md")
SOURCES = os.path.join(dumping.FIXTURES, "crash")


def python(*arguments, **more):
    return subprocess.run([driving.INTERPRETER.executable, *arguments], env=dumping.clean_environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PATIENCE, **more)


def crash(folder):
    """The core of fixtures/crash, which dies of a signal; None if this system writes no core files here."""
    include = python("-c", "import sysconfig; print(sysconfig.get_paths()['include'])").stdout.decode().strip()
    for name in "shop.py", "ledger.c":
        shutil.copy(os.path.join(SOURCES, name), folder)
    subprocess.run(["gcc", "-g", "-O0", "-shared", "-fPIC", "-I", include, "-o", "ledger.so", "ledger.c"],
        check=True, cwd=folder)
    raised = "import resource as r; r.setrlimit(r.RLIMIT_CORE, (r.getrlimit(r.RLIMIT_CORE)[1],) * 2); "
    done = python("-c", raised + "import os, sys; os.execv(sys.executable, ['python3', 'shop.py'])", cwd=folder)
    assert done.returncode < 0, "shop.py did not crash"
    cores = [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith("core")]
    return cores[0] if cores else None


def session():
    """[(command, [lines of its answer])] of the manual's session."""
    with open(MANUAL) as file:
        text = file.read().split("## A crash in a C extension", 1)[1].split("\n## ", 1)[0]
    steps = []
    for line in text.splitlines():
        if line.startswith("    (gdb) "):
            steps.append((line[len("    (gdb) "):], []))
        elif line.startswith("    ") and steps:
            steps[-1][1].append(line[4:])
    return steps


def without_numbers(line):
    """Addresses, counts and sizes are of one run; a number that gdb printed is an answer."""
    if line.startswith("$"):
        return line
    return " ".join(re.sub(r"0x[0-9a-f]+|\d+", "#", line).split())


class CrashTest(unittest.TestCase):
    def test_the_manual_s_session(self):
        folder = tempfile.mkdtemp(prefix="heapcore-gdb-crash-")
        self.addCleanup(shutil.rmtree, folder)
        core = crash(folder)
        if not core:
            self.skipTest("this system writes no core files into the working folder")
        steps = session()
        self.assertGreater(len(steps), 4)
        answers = run_gdb([command for command, _ in steps], driving.INTERPRETER.executable, core)
        for (command, expected), answer in zip(steps, answers):
            with self.subTest(command=command):
                self.assertNotIn("ERROR", answer)
                lines = set(map(without_numbers, answer.splitlines()))
                for line in expected:
                    if line.strip():
                        self.assertIn(without_numbers(line), lines, answer)
