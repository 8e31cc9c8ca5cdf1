#!/usr/bin/env python3
"""`heapcore analyze` and `heapcore layouts` against a process that knows what it holds; and the program's manners.

    python3 tests/cli/analyze_test.py --heapcore BIN [TEST ...]
"""
import argparse
import glob
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import dumping
import interpreters

PATIENCE = 300  # seconds
HEAPCORE = None

# Says how many bytes its own classes' instances take, then waits, then ends as it is told.
PROGRAM = """
import abc, json, os, sys, threading, types
class Pair:
    __slots__ = ("left", "right")
class Basket:
    def __init__(self):
        self.owner = "somebody"
        self.things = []
class Shelf(metaclass=abc.ABCMeta):
    pass
pairs = [Pair() for _ in range(5000)]
baskets = [Basket() for _ in range(700)]
for basket in baskets:
    vars(basket)
stop = threading.Event()
other = threading.Thread(target=stop.wait, daemon=True)
other.start()
print(json.dumps({
    "__main__.Pair": [len(pairs), sum(map(sys.getsizeof, pairs))],
    "__main__.Basket": [len(baskets), sum(map(sys.getsizeof, baskets))],
    "dict of __main__.Basket": [len(baskets), sum(sys.getsizeof(vars(basket)) for basket in baskets)],
    "abc.ABCMeta": None,
    "dict of abc.ABCMeta": None,
    "dict of types.SimpleNamespace": None,
    "types.SimpleNamespace": None,
    "types.CodeType": None,
    "dict of module": None,
}), flush=True)
order = sys.stdin.readline()
if order == "crash\\n":
    import ctypes
    ctypes.string_at(0x123)
assert len(pairs) == 5000
print("ALIVE", flush=True)
"""

# Reads its own objects through the offsets that heapcore tells.
CONFIRM = """
import ctypes, json, sys
offset = {}
for row in json.load(sys.stdin)["layouts"]:
    offset[row["structure"] + "." + row["member"]] = row["offset"]
def word(address):
    return ctypes.c_size_t.from_address(address).value
for count in range(1, 6):
    mapping = {str(i): i for i in range(count)}
    assert word(id(mapping) + offset["PyDictObject.ma_used"]) == count
    keys = word(id(mapping) + offset["PyDictObject.ma_keys"])
    assert word(keys + offset["_dictkeysobject.dk_nentries"]) & 0xffffffff == count
items = [object(), object()]
assert word(word(id(items) + offset["PyListObject.ob_item"]) + ctypes.sizeof(ctypes.c_void_p)) == id(items[1])
assert word(id(items) + offset["PyVarObject.ob_size"]) == 2
assert word(id(items) + offset["PyObject.ob_type"]) == id(list)
print("confirmed")
"""


def heapcore(*arguments, **options):
    return subprocess.run(
        [HEAPCORE, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True, timeout=PATIENCE, **options)


class Process:
    """The program, running, after it has said what it holds."""

    def __init__(self, interpreter, folder):
        self.folder = folder
        self.process = subprocess.Popen(
            [interpreter.executable, "-c", PROGRAM], cwd=folder, env=dumping.clean_environment(),
            preexec_fn=self.allow_core, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
        self.says = json.loads(self.process.stdout.readline())

    @staticmethod
    def allow_core():
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def goes_on(self):
        answer, _ = self.process.communicate("go on\n", timeout=PATIENCE)
        return answer == "ALIVE\n" and self.process.returncode == 0

    def core(self):
        """(core, whether the process crashed for it)"""
        if dumping.kernel_writes_cores_here():
            self.process.communicate("crash\n", timeout=PATIENCE)
            return glob.glob(os.path.join(glob.escape(self.folder), "core*"))[0], True
        subprocess.run(["gcore", "-o", os.path.join(self.folder, "core"), str(self.process.pid)], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=PATIENCE)
        return os.path.join(self.folder, "core.%d" % self.process.pid), False


def heapy_table(text):
    """(label, header, [[index, count, %, size, %, cumulative, %, name]], how many more) of analyze's text."""
    lines = text.split("\n")
    first = next(i for i, line in enumerate(lines) if line.startswith("Partition of a set of"))
    rows, more = [], 0
    for line in lines[first + 2:]:
        match = re.fullmatch(r" *(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) (.*)", line)
        if match:
            rows.append([int(match[i]) for i in range(1, 8)] + [match[8]])
            continue
        match = re.fullmatch(r"<(\d+) more rows\. Type e\.g\. '_\.more' to view\.>", line)
        if match:
            more = int(match[1])
        break
    return lines[first], lines[first + 1], rows, more


def percent(part, whole):
    return int("%.0f" % (part * 100.0 / whole))


class CoreTest:
    """With one interpreter's core; load_tests() makes a class an interpreter."""
    maxDiff = None
    interpreter = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-analyze-")
        with Process(cls.interpreter, cls.folder) as process:
            cls.pid, cls.says = process.process.pid, process.says
            cls.core, cls.crashed = process.core()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def analyze(self, *arguments):
        """The full report, which has all that --json has."""
        done = heapcore("analyze", "--full", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def check_kinds(self, rows, says):
        found = {row["name"]: row for row in rows}
        for name, numbers in says.items():
            self.assertIn(name, found)
            if numbers:
                self.assertEqual([name, found[name]["count"], found[name]["size"]], [name, *numbers])

    def test_json_has_the_classes_that_the_process_made_with_their_sizes(self):
        heap = json.loads(self.analyze(self.core, "--json"))["heap"]
        self.check_kinds(heap["rows"], self.says)

    def test_the_rows_add_up_and_are_in_order(self):
        heap = json.loads(self.analyze(self.core, "--json"))["heap"]
        rows = heap["rows"]
        self.assertEqual([row["index"] for row in rows], list(range(len(rows))))
        self.assertEqual(sum(row["count"] for row in rows), heap["count"])
        self.assertEqual(sum(row["size"] for row in rows), heap["size"])
        self.assertEqual(rows, sorted(rows, key=lambda row: (-row["size"], row["name"])))

    def test_the_text_table_shows_what_the_json_says(self):
        heap = json.loads(self.analyze(self.core, "--json"))["heap"]
        for arguments, shown in (([], 10), (["--limit", "3"], 3), (["--limit", "100000"], len(heap["rows"]))):
            label, header, rows, more = heapy_table(self.analyze(self.core, *arguments))
            self.assertEqual(label, "Partition of a set of %(count)d objects. Total size = %(size)d bytes." % heap)
            self.assertEqual(header, " Index  Count   %     Size   % Cumulative  % Kind (class / dict of class)")
            self.assertEqual((len(rows), more), (shown, len(heap["rows"]) - shown))
            cumulative = 0
            for row, expected in zip(rows, heap["rows"]):
                cumulative += expected["size"]
                self.assertEqual(row, [
                    expected["index"], expected["count"], percent(expected["count"], heap["count"]),
                    expected["size"], percent(expected["size"], heap["size"]),
                    cumulative, percent(cumulative, heap["size"]), expected["name"]])

    def test_rows_are_laid_out_as_pythons_formatting_and_wrapping_do(self):
        heap = json.loads(self.analyze(self.core, "--json"))["heap"]
        text = self.analyze(self.core, "--limit", "100000")
        cumulative = 0
        for row in heap["rows"]:
            cumulative += row["size"]
            numbers = "%6d %6d %3d %8d %3d %9d %3d " % (
                row["index"], row["count"], percent(row["count"], heap["count"]), row["size"],
                percent(row["size"], heap["size"]), cumulative, percent(cumulative, heap["size"]))
            lines = textwrap.wrap(numbers + row["name"], width=100, subsequent_indent=" " * len(numbers))
            self.assertIn("\n" + "\n".join(lines) + "\n", text)

    def test_the_process_and_its_end_are_told(self):
        report = json.loads(self.analyze(self.core, "--json"))
        text = self.analyze(self.core)
        version = subprocess.run(
            [self.interpreter.executable, "-c", "import platform; print(platform.python_version())"],
            stdout=subprocess.PIPE, universal_newlines=True, check=True).stdout.strip()
        self.assertEqual(report["version"], 1)
        self.assertEqual(report["python"]["version"], version)
        self.assertEqual((report["process"]["pid"], report["process"]["threads"]), (self.pid, 2))
        self.assertFalse(report["process"]["live"])
        self.assertEqual(report["image"]["size"], os.path.getsize(self.core))
        self.assertFalse(report["image"]["truncated"])
        self.assertIn("  Python    %s, " % version, text)
        self.assertIn("build-id " + report["python"]["build_id"], text)
        if self.crashed:
            end = report["process"]["signal"]
            self.assertEqual((end["number"], end["name"]), (signal.SIGSEGV, "SIGSEGV"))
            self.assertEqual(end["fault_address"], "0x123")
            self.assertIn("SIGSEGV (Segmentation fault) at address 0x123 in thread %d" % self.pid, text)

    def test_states_and_ways_of_knowing_are_counted(self):
        report = json.loads(self.analyze(self.core, "--json", "--limit", "1"))
        states = {row["state"]: row for row in report["states"]}
        self.assertEqual(set(states), {"reachable", "tracked", "stray"})
        self.assertEqual(states["reachable"]["count"], report["heap"]["count"])
        self.assertEqual(states["reachable"]["size"], report["heap"]["size"])
        self.assertEqual(len(report["heap"]["rows"]), 1)
        ways = {row["how"]: row["count"] for row in report["how"]}
        self.assertGreater(ways["decoder"], ways["words"])
        self.assertEqual(report["losses"]["truncated_bytes"], 0)
        self.assertEqual(report["files"], [])

    def test_analyze_and_dump_count_the_same_objects(self):
        report = json.loads(self.analyze(self.core, "--json"))
        counted = {}
        for line in dumping.heapcore_dump(HEAPCORE, self.core):
            row = json.loads(line)
            count, size = counted.get(row["state"], (0, 0))
            counted[row["state"]] = (count + 1, size + row["size"])
        self.assertEqual(counted, {
            row["state"]: (row["count"], row["size"]) for row in report["states"] if row["count"]})

    def test_a_live_process_is_analyzed_and_goes_on(self):
        with Process(self.interpreter, self.folder) as process:
            report = json.loads(self.analyze("-p", str(process.process.pid), "--json"))
            text = self.analyze("--pid", str(process.process.pid))
            self.assertTrue(process.goes_on())
        self.assertTrue(report["process"]["live"])
        self.assertNotIn("signal", report["process"])
        self.check_kinds(report["heap"]["rows"], process.says)
        self.assertIn(", 2 threads, live\n", text)

    def test_wrong_places_of_files_are_told_though_nothing_is_missing(self):
        for option, path, words in (
            ("--sysroot", "/nowhere", "/nowhere is no folder to look for files in"),
            ("--debug-dir", sys.executable, "is no folder to look for files in"),
            ("--layouts", "/nowhere", "cannot open the table of layouts /nowhere"),
            ("--layouts", sys.executable, "not a table of layouts"),
            ("--exe", "/nowhere", "cannot open /nowhere, given with --exe"),
        ):
            with self.subTest(option, path=path):
                done = heapcore("analyze", self.core, option, path)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn(words, done.stderr)
                self.assertEqual(1, done.stderr.count("\n"))

    def test_files_that_are_gone_or_changed_are_named(self):
        binary = json.loads(self.analyze(self.core, "--json"))["python"]["binary"]
        with tempfile.TemporaryDirectory(dir=self.folder) as root:
            os.makedirs(root + os.path.dirname(binary))
            shutil.copy(binary, root + binary)
            report = json.loads(self.analyze(self.core, "--sysroot", root, "--json"))
            text = self.analyze(self.core, "--sysroot", root)
            gone = next(row["path"] for row in report["files"] if "libc.so" in row["path"])
            os.makedirs(root + os.path.dirname(gone), exist_ok=True)
            shutil.copy(binary, root + gone)
            changed = json.loads(self.analyze(self.core, "--sysroot", root, "--json"))
        self.assertEqual({row["state"] for row in report["files"]}, {"missing"})
        self.assertNotIn(binary, [row["path"] for row in report["files"]])
        self.check_kinds(report["heap"]["rows"], self.says)
        self.assertIn("  files not read  ", text)
        for row in report["files"]:
            self.assertRegex(text, "\n  not there +%s\n" % re.escape(row["path"]))
        self.assertEqual([row["path"] for row in changed["files"] if row["state"] == "mismatch"], [gone])

    def test_layouts_are_those_of_the_interpreter(self):
        done = heapcore("layouts", self.core, "--json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        confirmed = subprocess.run(
            [self.interpreter.executable, "-c", CONFIRM], input=done.stdout, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, universal_newlines=True, timeout=PATIENCE)
        self.assertEqual(confirmed.stdout, "confirmed\n")
        rows = json.loads(done.stdout)["layouts"]
        keys = next(r for r in rows if (r["structure"], r["member"]) == ("PyDictObject", "ma_keys"))
        self.assertEqual((keys["size"], keys["source"]), (8, "dwarf"))
        text = heapcore("layouts", self.core).stdout
        self.assertRegex(text, r"\n  PyDictObject +ma_keys +%d +8  dwarf\n" % keys["offset"])
        self.assertRegex(text, r"\n  \S+ +\S+ +absent\n")

    def test_color_is_for_headings_only(self):
        plain = self.analyze(self.core)
        colored = self.analyze(self.core, "--color", "always")
        self.assertNotIn("\033", plain)
        self.assertIn("\033[1mProcess\033[0m\n", colored)
        self.assertEqual(re.sub("\033\\[[0-9]+m", "", colored), plain)

    def test_a_reader_that_goes_away_ends_dump_quietly(self):
        with subprocess.Popen([HEAPCORE, "dump", self.core], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            self.assertIn("address", json.loads(process.stdout.readline()))
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b"")
            self.assertEqual(process.wait(PATIENCE), 1)

    def test_a_full_disk_is_an_error(self):
        for command in ("analyze", "dump", "layouts", "threads"):
            with open("/dev/full", "w") as full:
                done = subprocess.run([HEAPCORE, command, self.core], stdout=full, stderr=subprocess.PIPE,
                                      universal_newlines=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 1)
            self.assertIn("heapcore: cannot write the output", done.stderr)

    def test_dump_is_limited_to_so_many_objects(self):
        lines = heapcore("dump", self.core, "--limit", "7").stdout.splitlines()
        self.assertEqual(lines, [line.decode() for line in dumping.heapcore_dump(HEAPCORE, self.core)[:7]])


class UsageTest(unittest.TestCase):
    def assert_wrong(self, message, *arguments):
        done = heapcore(*arguments)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        first, *rest = done.stderr.splitlines()
        self.assertEqual(first[:10], "heapcore: ")
        self.assertIn(message, first)
        self.assertEqual(len(rest), 1)
        self.assertTrue(rest[0].startswith("usage: heapcore "))

    def test_no_arguments_are_wrong_usage(self):
        done = heapcore()
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertTrue(done.stderr.startswith("usage: heapcore COMMAND"))
        for command in ("analyze", "dump", "layouts", "threads"):
            self.assertIn("\n  %s " % command, done.stderr)

    def test_wrong_usage_is_told_in_one_sentence(self):
        self.assert_wrong("there is no command 'frobnicate'", "frobnicate")
        self.assert_wrong("there is no command 'frobnicate'", "help", "frobnicate")
        self.assert_wrong("which core file?", "analyze")
        self.assert_wrong("one core file at a time", "analyze", "a", "b")
        self.assert_wrong("not both", "analyze", "core", "-p", "1")
        self.assert_wrong("--frob", "dump", "core", "--frob")
        self.assert_wrong("-x", "dump", "core", "-x")
        self.assert_wrong("--limit needs a value", "dump", "core", "--limit")
        self.assert_wrong("--limit takes a number", "dump", "core", "--limit", "many")
        self.assert_wrong("--limit takes a number", "dump", "core", "--limit", "-1")
        self.assert_wrong("-p takes a number", "layouts", "-p", "12x")
        self.assert_wrong("-p takes a number", "layouts", "-p", "0")
        self.assert_wrong("--jobs takes a number", "layouts", "core", "--jobs", "0")
        self.assert_wrong("--color takes auto, always or never", "layouts", "core", "--color", "blue")

    def test_every_command_has_help(self):
        overview = heapcore("help")
        self.assertEqual((overview.returncode, overview.stderr), (0, ""))
        self.assertEqual(heapcore("--help").stdout, overview.stdout)
        for command in ("analyze", "dump", "layouts", "threads"):
            self.assertIn("\n  %s " % command, overview.stdout)
            text = heapcore("help", command)
            self.assertEqual((text.returncode, text.stderr), (0, ""))
            self.assertTrue(text.stdout.startswith("usage: heapcore %s " % command))
            self.assertIn("--sysroot DIR", text.stdout)
            self.assertEqual(heapcore(command, "--help").stdout, text.stdout)

    def test_the_version_is_told(self):
        self.assertRegex(heapcore("--version").stdout, r"^heapcore \d+\.\d+\.\d+\n$")


def load_tests(loader, tests, _):
    for name in interpreters.NAMES:
        interpreter = interpreters.find(name)
        if interpreter:
            case = type("CoreTest_" + re.sub(r"\W", "_", name), (CoreTest, unittest.TestCase),
                        {"interpreter": interpreter})
            tests.addTests(loader.loadTestsFromTestCase(case))
    return tests


def main():
    global HEAPCORE
    parser = argparse.ArgumentParser()
    parser.add_argument("--heapcore", required=True)
    options, rest = parser.parse_known_args()
    HEAPCORE = os.path.abspath(options.heapcore)
    if not any(interpreters.find(name) for name in interpreters.NAMES):
        print("no supported interpreter on this machine: skipped")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
