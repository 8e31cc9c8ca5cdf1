#!/usr/bin/env python3
"""The screen of `heapcore analyze` on cores of several kinds, every --json against docs/schema, and docs/postmortem.md.

    /usr/bin/python3 tests/cli/postmortem_test.py --heapcore BIN [TEST ...]
"""
import argparse
import fcntl
import functools
import glob
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import unittest
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
DOCS = os.path.join(HERE, "..", "..", "docs")
sys.path[:0] = [os.path.join(HERE, "..", "truth"), os.path.join(HERE, "..", "layouts")]
import dumping
import fixture_cores
import interpreters
import stripping

try:
    import jsonschema
except ImportError:
    jsonschema = None

PATIENCE = 300  # seconds
HEAPCORE = None
INTERPRETER = None
FOLDER = None
HEIGHT, WIDTH = 50, 80


def setUpModule():
    global FOLDER
    FOLDER = tempfile.mkdtemp(prefix="heapcore-pm-")


def tearDownModule():
    shutil.rmtree(FOLDER)


def core_of(case):
    core = os.path.join(FOLDER, case, "core")
    return core if os.path.exists(core) else fixture_cores.make(INTERPRETER, case, os.path.join(FOLDER, case))


def heapcore(*arguments, environment=None, status=0, folder=None):
    done = subprocess.run([HEAPCORE, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=PATIENCE, env=dict(os.environ, **environment or {}), cwd=folder)
    if done.returncode != status or b"Sanitizer" in done.stderr:
        raise AssertionError("heapcore %s: %d\n%s" % (
            " ".join(arguments), done.returncode, done.stderr.decode(errors="replace")))
    return done.stdout.decode()


def on_terminal(*arguments, columns=WIDTH, environment=()):
    """What heapcore writes on a terminal of so many columns."""
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    clean = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    with subprocess.Popen([HEAPCORE, *arguments], stdin=subprocess.DEVNULL, stdout=other, stderr=subprocess.DEVNULL,
            env=dict(clean, **dict({"TERM": "xterm"}, **dict(environment)))) as process:
        os.close(other)
        written = b""
        while True:
            try:
                piece = os.read(main, 65536)
            except OSError:  # the other end is closed
                break
            written += piece
        os.close(main)
        assert process.wait(PATIENCE) == 0
    return written.decode().replace("\r\n", "\n")


def without_color(text):
    return re.sub("\033\\[[0-9]+m", "", text)


def crash(name, program):
    """The core that a program leaves."""
    folder = os.path.join(FOLDER, name)
    os.makedirs(folder)
    with open(os.path.join(folder, name + ".py"), "w") as file:
        file.write(program)
    subprocess.run(["sh", "-c", 'ulimit -c unlimited; ulimit -s 256; exec "$@"', "sh", INTERPRETER.executable, name + ".py"],
        cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE)
    [core] = glob.glob(os.path.join(folder, "core*"))
    return core


def titles(text):
    return [line for line in text.splitlines() if line and not line.startswith(" ")]


class ScreenTest(unittest.TestCase):
    def screen(self, core, *options):
        text = heapcore("analyze", *options, core)
        lines = text.splitlines()
        self.assertLessEqual(len(lines), HEIGHT, text)
        self.assertLessEqual(max(map(len, lines)), WIDTH, text)
        self.assertNotIn("\033", text)
        order = ["died of|did not end|is alive", "Crash in|Thread ", "Suspects: ", "Memory: ", "Heap by kind: ", "Retained: ",
            "Other threads: ", "Not sure", "Next: "]
        found = [number for line in titles(text) for number, start in enumerate(order) if re.search(start, line)]
        self.assertEqual(sorted(set(found)), found, titles(text))
        self.assertEqual(len(titles(text)), len(found), titles(text))
        return text

    def test_a_crash_in_an_extension_names_exception_function_and_line(self):
        text = self.screen(core_of("shop"))
        self.assertRegex(text, r"\Ashop\.py died of SIGSEGV \(Segmentation fault\) at address 0x8\n")
        self.assertRegex(text, r"\n  process +\d+, 1 thread, Python [\d.+]+; dumped \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\n")
        self.assertRegex(text, r"\n  command +…/python[\d.]+ shop\.py\n")
        self.assertRegex(text, r"\n  raising +AttributeError: 'Order' object has no attribute 'amount'\n")
        self.assertRegex(text, r"\n  in the extension +amount_of\+\d+ \(ledger\.so\)\n")
        self.assertRegex(text, r"\n  Python +\S+/shop\.py:19 in <module>\n +print\(ledger\.total")

    def test_a_cache_that_grows_is_a_suspect_with_its_path_and_query(self):
        text = self.screen(core_of("prices"))
        self.assertRegex(text, r"\n  handling +TimeoutError: the watchdog saw no answer for 30 s\n")
        suspects = text[text.index("\nSuspects: ") : text.index("\nMemory: ")]
        self.assertRegex(suspects, r"\n  dict \(no owner\): 0x[0-9a-f]+\*30000 keeps \S+ MiB alive, \d+ % of\s+the\s+heap")
        query = re.search(r"\n    held by (?:\w+: prices|__main__\.PRICES)\.quotes; (iso\(0x[0-9a-f]+\))\.rp\n", suspects)[1]
        answer, = json.loads(heapcore("query", "--json", core_of("prices"), query + ".byid[0].theone.retained"))
        retained = json.loads(heapcore("retained", "--json", core_of("prices")))
        self.assertIn(answer["value"], [row["retained"] for row in retained["objects"]])
        self.assertRegex(text, r"\n +\S+ MiB +\d+ %  (?:\w+: prices|__main__\.PRICES)\.quotes +dict \(no owner\)")

    def test_threads_at_the_same_line_are_one_line_with_the_programs_own_code(self):
        text = self.screen(core_of("prices"))
        others = text[text.index("\nOther threads: 11\n") :].splitlines()[2:]
        self.assertRegex(others[0], r"^ +8 threads +\S+:\d+ in (Worker\.)?run, in \S*(queue|threading)\.py:")
        self.assertRegex(others[1], r"^ +3 threads +\S+:\d+ in wait_for, in ")

    def test_garbage_that_waits_is_told(self):
        text = self.screen(core_of("prices"))
        report = json.loads(heapcore("suspects", "--json", core_of("prices")))
        self.assertIn("garbage", [suspect["finding"] for suspect in report["suspects"]])
        self.assertRegex(text, r"\n  not reached: \S+ [KM]iB tracked only \(\d+ objects\)")

    def test_memory_rows_add_up_to_what_the_core_holds(self):
        report = json.loads(heapcore("memory", "--json", core_of("gallery")))["memory"]
        text = self.screen(core_of("gallery"))
        units = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
        part = text[text.index("\nMemory: ") + 1 : text.index("\nHeap by kind")]
        sizes = [(float(number), units[unit]) for number, unit in re.findall(r"^ +([\d.]+) (bytes|[KMG]iB) +\d+ %", part, re.M)]
        self.assertGreater(len(sizes), 3)
        self.assertAlmostEqual(report["total"] - report["zero"], sum(number * unit for number, unit in sizes),
            delta=sum(unit * 0.051 for _, unit in sizes))
        self.assertEqual(report["total"], sum(row["bytes"] for row in report["rows"]))

    def test_a_native_leak_is_most_of_the_memory_and_the_leaked_references_are_a_suspect(self):
        text = self.screen(core_of("gallery"))
        first = text[text.index("\nMemory: ") :].splitlines()[2]
        self.assertRegex(first, r"^ +2\d\.\d MiB +\d\d %  malloc: in use, and not by Python")
        self.assertRegex(text, r"\n  \d+ objects of builtins\.str have \d+ references more")

    def test_a_thread_that_runs_no_python_is_the_one_that_crashed(self):
        text = self.screen(core_of("foreign"))
        self.assertRegex(text, r"\nCrash in thread \d+, which runs no Python\n  in the extension +unpack\+\d+ \(thumbnails\.so\)\n")
        self.assertRegex(text, r"\nOther threads: 1\n +thread \d+ +\S*gallery\.py:\d+ in <module>\n")

    def test_a_cut_core_says_so_and_shows_all_objects_that_are_left(self):
        whole = core_of("prices")
        cut = os.path.join(FOLDER, "cut")
        with open(whole, "rb") as source, open(cut, "wb") as target:
            target.write(source.read(os.path.getsize(whole) * 3 // 5))
        text = self.screen(cut)
        self.assertIn("the core is cut short: ", text[text.index("\nNot sure\n") :])
        self.assertRegex(text, r"\nHeap by kind: .*reached or not: the core is cut short\n")
        report = json.loads(heapcore("analyze", "--json", cut))
        check_schema("analyze", report)
        self.assertIn("unreached", report)

    def test_a_stripped_interpreter_and_a_missing_file_are_told_of(self):
        root = stripping.strip_files_of(core_of("shop"), os.path.join(FOLDER, "root"), without=["ledger"])
        text = self.screen(core_of("shop"), "--sysroot", root, "--debug-dir", root)
        self.assertRegex(text, r"\nNot sure\n  (.*; )?ledger\.so is not here as it was \(--sysroot\)")
        self.assertIn("ledger.so", text[text.index("Crash in") : text.index("Suspects")])

    def test_two_hundred_threads_do_not_make_it_longer(self):
        program = ("import threading, os, time\narrived = []\nfor i in range(200):\n"
            "    threading.Thread(target=eval, args=('arrived.append(1) or time.sleep(%d)' % (1000 + i % 7),\n"
            "        {'time': time, 'arrived': arrived}), daemon=True).start()\n"
            "while len(arrived) < 200: time.sleep(0.01)\nos.abort()\n")
        text = self.screen(crash("crowd", program))
        self.assertRegex(text, r"\nOther threads: 200\n +200 threads +")

    def test_where_nothing_is_suspect_a_hang_shows_its_threads_first(self):
        folder = os.path.join(FOLDER, "hang")
        os.makedirs(folder)
        with open(os.path.join(folder, "hang.py"), "w") as file:
            file.write("import threading\nlock = threading.Lock()\nlock.acquire()\n"
                "def waits(): print('ready', flush=True); lock.acquire()\n"
                "thread = threading.Thread(target=waits, name='stuck')\nthread.start()\nthread.join()\n")
        with subprocess.Popen([INTERPRETER.executable, "hang.py"], cwd=folder, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            try:
                heapcore("capture", "-p", str(process.pid), "-o", os.path.join(folder, "core"))
            finally:
                process.kill()
        text = heapcore("analyze", os.path.join(folder, "core"))
        self.assertRegex(text, r"\nThread \d+(.*\n)+\nOther threads: 1\n +stuck +\S*hang\.py:4 in waits\n(.*\n)+Suspects: none\n")
        self.assertEqual(1, text.count("Other threads"))

    def test_an_abort_begins_with_what_the_program_called(self):
        told = self.screen(core_of("prices")).split("\nCrash in ")[1]
        self.assertRegex(told.split("\n\n")[0], r"\A.*\n(  handling .*\n)?  in C +abort\+\d+ \(libc[.-].*\)\n")

    def test_a_signal_that_another_process_sent_is_no_crash(self):
        core = crash("signalled", "import os, signal, time\nparent = os.getpid()\nif not os.fork():\n"
            "    with open('sender', 'w') as file: file.write(str(os.getpid()))\n"
            "    os.kill(parent, signal.SIGABRT); os._exit(0)\ntime.sleep(1000)\n")
        with open(os.path.join(os.path.dirname(core), "sender")) as file:
            sender = int(file.read())
        self.assertEqual(sender, json.loads(heapcore("analyze", "--json", core))["process"]["signal"]["sender"])
        text = self.screen(core)
        self.assertIn("signalled.py died of SIGABRT (Aborted), sent by process %d\n" % sender, text)
        self.assertRegex(text, "\nThread \\d+")
        self.assertNotIn("Crash", text)
        self.assertNotIn("sender", json.loads(heapcore("analyze", "--json", core_of("prices")))["process"]["signal"])

    def test_an_assertion_that_failed_is_quoted(self):
        core = crash("assertion",
            "import ctypes\nctypes.CDLL(None).__assert_fail(b'count > 0 && ' + b'x' * 50, b'shop.c', 7, b'total')\n")
        said = r": shop\.c:7: total: Assertion `count > 0 && x{50}' failed\."
        self.assertRegex(json.loads(heapcore("threads", "--json", core))["threads"][0]["abort_message"], r"\Apython[\d.]*" + said + r"\Z")
        self.assertRegex(heapcore("threads", core), r"\n  aborted with the message: python[\d.]*" + said + "\n")
        told = re.sub(r"\s+", " ", self.screen(core).split("\nCrash in ")[1])
        self.assertRegex(told, r"\Athread \d+\b.* message python[\d.]*" + said + r" in C __assert_fail\+\d+ \(libc")

    def test_what_an_exception_came_of_stands_below_it(self):
        core = crash("chained",
            "import os\ntry:\n    try: {}['shirt']\n    except KeyError as error: raise LookupError('no price') from error\n"
            "except LookupError: os.abort()\n")
        self.assertRegex(self.screen(core), r"\n  handling +LookupError: no price\n  caused by +KeyError: 'shirt'\n")

    def test_a_single_container_of_too_much_room_is_named(self):
        core = crash("emptied", "import os\nd = dict.fromkeys(range(200000))\nfor i in range(199990): del d[i]\nos.abort()\n")
        self.assertRegex(heapcore("suspects", core),
            r"\n  oversized +dict \(no owner\): 0x[0-9a-f]+\*10 has room of \S+ MiB for 10 items, where \d+ bytes would do\n")

    def test_an_abort_without_words_quotes_none(self):
        self.assertIsNone(json.loads(heapcore("threads", "--json", core_of("prices")))["threads"][0]["abort_message"])
        self.assertNotIn("\n  message ", self.screen(core_of("prices")))

    def test_the_limit_is_one_of_kinds(self):
        def kinds(text):
            part = text[text.index("\nHeap by kind: ") : text.index("\n  not reached: ")]
            return part.splitlines()[2:]
        self.assertEqual(2, len(kinds(self.screen(core_of("shop"), "--limit", "2"))))
        self.assertGreater(len(kinds(self.screen(core_of("shop")))), 4)

    def test_full_has_what_the_screen_leaves_out(self):
        full = heapcore("analyze", "--full", core_of("prices"))
        for part in ("\nSuspects\n", "\nMemory\n", "Partition of a set of ", "\nRetained size\n", "\nSizes and references\n",
                "\nNot known\n", '\nThread '):
            self.assertIn(part, full)
        self.assertGreater(full.count('\nThread '), 10)

    def test_colors_are_for_terminals_unless_somebody_says_otherwise(self):
        core = core_of("shop")
        plain = heapcore("analyze", core)
        always = heapcore("analyze", "--color", "always", core)
        self.assertIn("\033[31m\033[1mshop.py died of ", always)
        self.assertEqual(plain, without_color(always))
        shown = on_terminal("analyze", core)
        self.assertEqual(always, shown)
        for options, environment in ((["--color", "never"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})):
            self.assertEqual(plain, on_terminal("analyze", *options, core, environment=environment))
        self.assertEqual(always, on_terminal("analyze", "--color", "always", core, environment={"NO_COLOR": "1"}))

    def test_a_terminal_of_other_width_is_filled(self):
        for columns, most in ((66, 66), (110, 110), (40, 60), (300, 120)):
            lines = on_terminal("analyze", "--color", "never", core_of("prices"), columns=columns).splitlines()
            self.assertLessEqual(max(map(len, lines)), most)
            self.assertLessEqual(len(lines), HEIGHT)
        wide = on_terminal("analyze", "--color", "never", core_of("prices"), columns=110)
        self.assertGreater(max(map(len, wide.splitlines())), WIDTH)

    def test_other_commands_have_no_use_for_full(self):
        done = subprocess.run([HEAPCORE, "threads", "--full", "core"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((2, True), (done.returncode, b"no use for --full" in done.stderr))

    def test_help_tells_the_options_that_a_command_takes_and_no_others(self):
        commands = re.findall(r"^  (\w+) +", heapcore("help"), re.M)
        self.assertIn("analyze", commands)
        for command in set(commands) - {"capture", "collect", "watch"}:
            told = set(re.findall(r"^ .*?--([\w-]+)", heapcore("help", command), re.M))
            for option in "full", "locals", "verify", "emit", "baseline=x":
                done = subprocess.run([HEAPCORE, command, "--" + option, "/none", "/none", "h"],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                refused = "%s has no use for --%s; it is an option of: " % (command, option.split("=")[0]) in done.stderr
                self.assertEqual(option.split("=")[0] in told, not refused, (command, option))


def load_schemas():
    found = {}
    for path in glob.glob(os.path.join(DOCS, "schema", "*.json")):
        with open(path) as file:
            found[os.path.basename(path)[:-5]] = json.load(file)
    return found


SCHEMAS = load_schemas()


@functools.lru_cache(None)
def validator(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the resolver's, in versions to come
        store = {each["$id"]: each for each in SCHEMAS.values()}
        return jsonschema.Draft202012Validator(SCHEMAS[name],
            resolver=jsonschema.RefResolver(SCHEMAS[name]["$id"], SCHEMAS[name], store))


def check_schema(name, document):
    if not jsonschema:
        return
    errors = list(validator(name).iter_errors(document))
    if errors:
        raise AssertionError("%s: %s" % (name, "\n".join(
            "%s: %s" % ("/".join(map(str, error.absolute_path)), error.message[:300]) for error in errors[:5])))


@unittest.skipUnless(jsonschema, "no jsonschema here (package python3-jsonschema)")
class SchemaTest(unittest.TestCase):
    def validate(self, name, *arguments):
        document = json.loads(heapcore(*arguments, "--json"))
        check_schema(name, document)
        if isinstance(document, dict):
            self.assertEqual((name, 1, 1), (document["heapcore"]["report"], document["heapcore"]["schema"], document["version"]))
            self.assertEqual("heapcore %s\n" % document["heapcore"]["version"], heapcore("--version"))
        return document

    def test_reports_are_as_their_schemas_say(self):
        for case, names in (("foreign", ["analyze"]), ("prices", ["analyze", "threads", "retained", "suspects"]),
                ("gallery", ["analyze", "memory", "suspects", "references"])):
            for name in names:
                with self.subTest(case=case, report=name):
                    self.assertTrue(self.validate(name, name, core_of(case)))
        self.validate("layouts", "layouts", core_of("shop"))
        self.validate("threads", "threads", "--locals", core_of("prices"))
        self.validate("analyze", "analyze", "--verify", core_of("shop"))
        self.validate("analyze", "analyze", "--baseline", core_of("shop"), core_of("shop"))

    def test_answers_and_lines_of_a_dump_are_as_their_schemas_say(self):
        expressions = "h", "h.byid", "h.count", "h[0].byid[0].sp", "hp", "'text'", "True", "h.nothing"
        answers = json.loads(heapcore("query", "--json", core_of("shop"), *expressions, status=1))
        self.assertEqual(len(expressions), len(answers))
        check_schema("query", answers)
        check_schema("query", json.loads(heapcore("diff", "--json", core_of("prices"), core_of("shop"))))
        lines = heapcore("dump", core_of("prices")).splitlines()
        self.assertGreater(len(lines), 100000)
        for line in [*lines[:1000], *lines[-1000:]]:
            check_schema("dump", json.loads(line))

    def test_json_is_whole_though_the_core_is_not(self):
        cut = os.path.join(FOLDER, "cut-gallery")
        with open(core_of("gallery"), "rb") as source, open(cut, "wb") as target:
            target.write(source.read(os.path.getsize(core_of("gallery")) * 4 // 5))
        for name in "analyze", "threads", "memory", "retained", "suspects", "references":
            self.validate(name, name, cut)

    def test_what_capture_reports_is_as_its_schema_says(self):
        with subprocess.Popen([INTERPRETER.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
            try:
                self.validate("capture", "capture", "--quiet", "-p", str(process.pid), "-o", os.path.join(FOLDER, "captured"))
            finally:
                process.kill()

    def test_a_member_that_is_not_documented_is_found(self):
        report = json.loads(heapcore("analyze", "--json", core_of("shop")))
        for holder in report, report["memory"]["rows"][0], report["threads"][0]["frames"][0], report["process"]:
            holder["surprise"] = 1
            with self.assertRaises(AssertionError):
                check_schema("analyze", report)
            del holder["surprise"]
        check_schema("analyze", report)

    def test_every_object_of_the_schemas_is_closed(self):
        def look(schema, place):
            if isinstance(schema, dict):
                if schema.get("type") == "object":
                    self.assertIs(False, schema.get("additionalProperties"), place)
                for key, value in schema.items():
                    look(value, "%s/%s" % (place, key))
            elif isinstance(schema, list):
                for each in schema:
                    look(each, place)
        for name, schema in SCHEMAS.items():
            jsonschema.Draft202012Validator.check_schema(schema)
            look(schema, name)

    def test_the_manual_names_every_key(self):
        def keys(schema):
            if isinstance(schema, dict):
                yield from schema.get("properties", {})
                for value in schema.values():
                    yield from keys(value)
            elif isinstance(schema, list):
                for each in schema:
                    yield from keys(each)
        with open(os.path.join(DOCS, "json.md")) as file:
            words = set(re.findall(r"\w+", file.read()))
        for name, schema in SCHEMAS.items():
            self.assertEqual([], sorted(set(keys(schema)) - words), name)


def sessions():
    """[(core, command, [lines of its answer])] of docs/postmortem.md."""
    with open(os.path.join(DOCS, "postmortem.md")) as file:
        text = file.read()
    found = []
    for line in text.splitlines():
        if line.startswith("    $ heapcore "):
            found.append((line[len("    $ heapcore ") :], []))
        elif line.startswith("    ") and found:
            found[-1][1].append(line[4:])
        elif line and not line.startswith("    "):
            found.append((None, [])) if found and found[-1][0] else None
    return [(command, lines) for command, lines in found if command]


def masked(line):
    """Without what differs from run to run and from machine to machine."""
    line = re.sub(r"…?(/[\w.-]+)*/(?=\w+\.py)", "", line)
    line = re.sub(r"0x[0-9a-f]+", "0x#", line)
    line = re.sub(r"\d+(\.\d+)*( bytes| [KMG]iB)?", "#", line)
    return " ".join(line.split())


class ManualTest(unittest.TestCase):
    def test_the_sessions_of_the_manual(self):
        found = sessions()
        self.assertGreaterEqual(len(found), 8)
        for command, expected in found:
            words = re.findall(r"'[^']*'|\"[^\"]*\"|\S+", command)
            words = [word.strip("'\"") for word in words]
            [place] = [index for index, word in enumerate(words) if word.startswith("core.")]
            case = words[place][len("core.") :]
            words[place] = "core"
            core_of(case)
            with self.subTest(command=command):
                answer = heapcore(*words, folder=os.path.join(FOLDER, case))
                lines = set(map(masked, answer.splitlines()))
                for line in expected:
                    if line.strip() not in ("", "…"):
                        self.assertIn(masked(line), lines, answer)


def main():
    global HEAPCORE, INTERPRETER
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heapcore", required=True)
    options, rest = parser.parse_known_args()
    HEAPCORE = os.path.abspath(options.heapcore)
    INTERPRETER = fixture_cores.find_interpreter()
    if not INTERPRETER or not dumping.kernel_writes_cores_here():
        print("no interpreter with headers (package python3-dev), or no core files here: skipped")
        sys.exit(77)
    if not jsonschema and interpreters.must_have_all():
        sys.exit("no jsonschema here (package python3-jsonschema)")
    print("COVERED    %s (%s)" % (INTERPRETER.name, INTERPRETER.executable), flush=True)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
