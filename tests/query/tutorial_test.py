#!/usr/bin/env python3
"""The tutorial of 2006, command by command, on its heap rebuilt in today's Python: fixtures/package_repository.py.

    python3 tests/query/tutorial_test.py --heapcore BIN [--interpreter V]...

The process is dumped before and after it loads its repository, and counts afterwards what each command has to show.
"""
import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import dumping
import interpreters

PATIENCE = 600  # seconds
MANUAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "tutorial.md")
PACKAGES = 24681
FEW = 3000  # so that not every interpreter takes its half minute; the order of all tables is the same
WHOLE = ("3.11", "3.13")
NONE_FOUND = 77  # ctest: skipped
HEAPCORE = None


def gcore(process, prefix):
    done = subprocess.run(["gcore", "-o", prefix, str(process.pid)], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    core = "%s.%d" % (prefix, process.pid)
    if not os.path.exists(core):
        raise dumping.CannotDump("gcore failed:\n" + done.stdout.decode(errors="replace"))
    return core


def dump_twice(interpreter, folder, packages):
    """(baseline, core, [[command, expected]])"""
    truth = os.path.join(folder, "truth.json")
    cores = []
    process = subprocess.Popen(dumping.command(interpreter, "package_repository.py", truth, "stop-twice", [str(packages)]),
        cwd=folder, env=dumping.clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        for name in "baseline", "loaded":
            if process.stdout.readline() != b"READY\n":
                raise dumping.CannotDump("the fixture did not come to the point where it is dumped")
            cores.append(gcore(process, os.path.join(folder, name)))
            process.stdin.write(b"\n")
            process.stdin.flush()
        if process.stdout.read() != b"DONE\n":
            raise dumping.CannotDump("the fixture did not go on after it was dumped")
    with open(truth) as file:
        return cores[0], cores[1], json.load(file)


def query(baseline, core, commands, *options):
    return subprocess.run([HEAPCORE, "query", *options, "--baseline", baseline, core, "--", *commands],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)


class TutorialTest:
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-tutorial-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.baseline, cls.core, cls.session = dump_twice(
            cls.interpreter, cls.folder, FEW if cls.interpreter.name not in WHOLE else PACKAGES)

    def test_every_command_shows_what_the_process_itself_counted(self):
        done = query(self.baseline, self.core, [command for command, _ in self.session], "--json")
        self.assertEqual(done.stderr.decode(), "")
        answers = json.loads(done.stdout)
        wanted = [step for step in self.session if step[1] is not None]
        self.assertEqual([answer["expr"] for answer in answers], [command for command, _ in wanted])
        for (command, expected), answer in zip(wanted, answers):
            with self.subTest(command=command):
                self.assertNotIn("error", answer)
                if not isinstance(expected, dict):
                    self.assertEqual(answer["value"], expected)
                    continue
                self.assertEqual((answer["count"], answer["size"]), (expected["count"], expected["size"]))
                rows = [[row["count"], row["size"], row["name"]] for row in answer["rows"]]
                self.assertEqual(rows, expected["rows"])

    def test_what_is_empty_is_shown_as_nothing(self):
        done = query(self.baseline, self.core, ["(byrcs[5] & hp.Via('.key').alt('<')).byrcs", "h[0].byrcs[3] ^ byrcs[5]"])
        self.assertEqual((done.stdout.decode(), done.stderr.decode()), ("hp.Nothing\nhp.Nothing\n", ""))

    def test_the_session_of_the_manual_runs(self):
        with open(MANUAL) as file:
            commands = [line[6:].rstrip() for line in file if line.startswith("    > ")]
        self.assertGreater(len(commands), 15)
        done = query(self.baseline, self.core, commands)
        self.assertEqual((done.returncode, done.stderr.decode()), (0, ""))
        self.assertEqual(done.stdout.decode().count("'DESCRIPTION'\n"), 2)
        self.assertIn("['data'].keys()[3]", done.stdout.decode().splitlines()[-1])

    def ask(self, *arguments):
        done = subprocess.run([HEAPCORE, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stderr.decode()), (0, ""))
        return json.loads(done.stdout)

    def test_the_difference_of_the_two_heaps_is_what_was_loaded_and_by_what_it_is_held(self):
        kinds, referrers = self.ask("diff", "--json", self.core, self.baseline)
        expected = collections.defaultdict(lambda: [0, 0])
        for core, sign in (self.core, 1), (self.baseline, -1):
            for row in self.ask("query", "--json", core, "h")[0]["rows"]:  # classes may share a name
                expected[row["name"]][0] += sign * row["count"]
                expected[row["name"]][1] += sign * row["size"]
        expected = {name: change for name, change in expected.items() if change != [0, 0]}
        self.assertEqual({row["name"]: [row["count"], row["size"]] for row in kinds["rows"]}, expected)
        self.assertGreater(len(expected), 10)
        sizes = [abs(row["size"]) for row in kinds["rows"]]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        table = next(step[1] for step in self.session if step[0] == "h.byrcs")
        self.assertEqual([[row["count"], row["size"], row["name"]] for row in referrers["rows"]], table["rows"])

    def test_heaps_of_two_processes_differ_by_kind_only(self):
        other = tempfile.mkdtemp(dir=self.folder)
        stranger = dump_twice(self.interpreter, other, 10)[1]
        answers = self.ask("diff", "--json", self.core, stranger)
        self.assertEqual([answer["expr"] for answer in answers], ["h.diff(b)"])
        done = subprocess.run([HEAPCORE, "diff", self.core, stranger], stdout=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0)
        self.assertIn("another process", done.stdout.decode())

    def test_without_the_baseline_everything_is_shown(self):
        with_baseline = query(self.baseline, self.core, ["h.count", "h & pkgcore.ebuild.ebuild_src.package"])
        done = subprocess.run([HEAPCORE, "query", self.core, "h.count", "h & pkgcore.ebuild.ebuild_src.package"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
        new, table = with_baseline.stdout.decode().split("\n", 1)
        all_objects, same_table = done.stdout.decode().split("\n", 1)
        self.assertGreater(int(all_objects), int(new) + 10000)
        self.assertEqual(same_table, table)


def main():
    global HEAPCORE
    parser = argparse.ArgumentParser()
    parser.add_argument("--heapcore", required=True)
    parser.add_argument("--interpreter", action="append")
    options, rest = parser.parse_known_args()
    HEAPCORE = os.path.abspath(options.heapcore)
    found, missing = interpreters.cover(options.interpreter or interpreters.SUPPORTED + (interpreters.DEBIAN,))
    for interpreter in found:
        name = "TutorialTest_" + interpreter.name.replace(".", "_").replace("-", "_")
        globals()[name] = type(name, (TutorialTest, unittest.TestCase), {"interpreter": interpreter})
    if not found:
        return 1 if missing and interpreters.must_have_all() else NONE_FOUND
    result = unittest.main(argv=sys.argv[:1] + rest, verbosity=2, exit=False).result
    return 0 if result.wasSuccessful() and not (missing and interpreters.must_have_all()) else 1


if __name__ == "__main__":
    sys.exit(main())
