#!/usr/bin/env python3
"""`heapcore threads` against what the process said of its threads, tasks and exceptions.

    python3 tests/truth/threads_test.py --heapcore BIN [--interpreter V]... [TEST ...]
"""
import contextlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

import dumping
import interpreters
import suites

PATIENCE = 300  # seconds
HEAPCORE = None

LIBRARY = """
#include <stdint.h>
#include <stdlib.h>
void PyErr_SetString(void *type, const char *text);
void heapcore_raise(void *type, const char *text) { PyErr_SetString(type, text); abort(); }
__attribute__((noinline)) int heapcore_inner(volatile int *place) { return *place + 1; }
__attribute__((noinline)) int heapcore_outer(intptr_t place) { return heapcore_inner((int *)place) * 2; }
"""


def heapcore(*arguments):
    return subprocess.run([HEAPCORE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)


def file_offset(file, address):
    """Where a core file has what was at `address`."""
    header = file.read(64)
    (start,) = struct.unpack_from("<Q", header, 32)
    (count,) = struct.unpack_from("<H", header, 56)
    for number in range(count):
        file.seek(start + 56 * number)
        kind, _, offset, place, _, length = struct.unpack("<IIQQQQ", file.read(40))
        if kind == 1 and place <= address < place + length:
            return offset + address - place
    raise AssertionError("0x%x is not in the core" % address)


def place_of(frame):
    return [frame["file"], frame["line"], frame["function"], frame["qualname"]]


def locals_of(frame):
    return sorted([one["name"], one["type"], one["size"], one["address"]] for one in frame["locals"])


class ThreadsTest(unittest.TestCase):
    interpreter = None
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-threads-")
        path, cls.core = cls.dump()
        cls.answers = {}  # by options and age of the core
        with open(path) as file:
            cls.truth = json.load(file)

    @classmethod
    def dump(cls):
        return dumping.abort_for_core(cls.interpreter, "threads.py", cls.folder)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def told(self, *options, target=None):
        """What heapcore says of the target, or of the core, which is asked once for each set of options."""
        asked = None if target else (*options, os.stat(self.core).st_mtime_ns)
        if asked in self.answers:
            return self.answers[asked]
        done = heapcore("threads", *options, *(target or [self.core]))
        self.assertEqual(0, done.returncode, done.stderr.decode(errors="replace"))
        answer = done.stdout.decode()
        if asked:
            self.answers[asked] = answer
        return answer

    def ask(self, *options, target=None):
        return json.loads(self.told("--json", *options, target=target))

    def text(self, *options, target=None):
        return self.told(*options, target=target)

    def by_ident(self, interpreter=0):
        return {t["ident"]: t for t in self.ask("--locals")["threads"] if t["interpreter"] == interpreter}

    def test_every_thread_is_there_by_name_and_number(self):
        known = [[t["ident"], t["tid"], t["name"]] for t in self.truth["threads"]]
        known += [[ident, tid, "of two"] for ident, tid in self.truth["outside"]]
        found = [[t["ident"], t["tid"], t["name"]] for t in self.by_ident().values()]
        self.assertEqual(sorted(known), sorted(found))

    def test_the_frames_of_every_thread_are_those_of_current_frames(self):
        found = self.by_ident()
        compared = 0
        for thread in self.truth["threads"]:
            if thread["frames"] is None:
                continue
            with self.subTest(thread=thread["name"]):
                frames = found[thread["ident"]]["frames"]
                self.assertEqual("complete", found[thread["ident"]]["end"])
                self.assertEqual([f["place"] for f in thread["frames"]], [place_of(f) for f in frames])
                compared += len(frames)
        self.assertGreater(compared, 120)

    def test_the_locals_of_every_frame_are_those_of_f_locals(self):
        found = self.by_ident()
        compared = 0
        for thread in self.truth["threads"]:
            for told, frame in zip(thread["frames"] or [], found[thread["ident"]]["frames"]):
                with self.subTest(thread=thread["name"], frame=told["place"]):
                    self.assertEqual(told["locals"], locals_of(frame))
                    compared += len(told["locals"])
        self.assertGreater(compared, 100)

    def test_the_main_thread_is_at_the_place_where_it_stopped(self):
        thread = self.by_ident()[self.truth["main"]["ident"]]
        own, callers = thread["frames"][:2], thread["frames"][2:]
        self.assertEqual(["stop", "tell_and_stop"], [frame["function"] for frame in own])
        with open(own[1]["file"]) as file:
            self.assertEqual("truth.stop(how)", file.read().splitlines()[own[1]["line"] - 1].strip())
        self.assertEqual([f["place"] for f in self.truth["main"]["frames"]], [place_of(f) for f in callers])

    def test_values_of_locals_are_shown(self):
        [thread] = [t for t in self.by_ident().values() if t["name"] == "sleeper"]
        values = {v["name"]: v["value"] for frame in thread["frames"] for v in frame["locals"]}
        self.assertEqual("[1, {'seconds': 'zwei'}]", values["own"])
        self.assertEqual("{'seconds': 'zwei'}", values["deeper"])
        self.assertIn("        own: list, ", self.text("--locals"))

    def test_exceptions_being_handled_have_type_message_and_place(self):
        found = self.by_ident()
        told = {int(ident): exception for ident, exception in self.truth["handling"].items()}
        for ident, thread in found.items():
            with self.subTest(thread=thread["name"]):
                now = thread.get("handling")
                if ident not in told:
                    self.assertIsNone(now)
                else:
                    keys = ("type", "message", "file", "line", "function")
                    self.assertEqual(told[ident]["now"], [now[key] for key in keys])
                    earlier = [[one[key] for key in (*keys, "is_cause")] for one in now["earlier"]]
                    self.assertEqual(told[ident]["earlier"], earlier)
        self.assertGreater(len(told), 14)
        self.assertEqual({0, 1, 2, 4, 100}, {len(one["earlier"]) for one in told.values()})

    def test_exceptions_before_the_one_being_handled_are_told_in_their_order(self):
        after = self.text().split('"chain"')[1].split("\n\n")[0].splitlines()[1:6]
        expected = ["handling __main__.Trouble: 3", "  caused by __main__.Trouble: 1", "  raised while handling "
            "__main__.Trouble: 0", "  caused by __main__.Trouble: 1", "  raised while handling __main__.Trouble: no good"]
        for line, start in zip(after, expected):
            self.assertTrue(line.startswith("  " + start), after)

    def test_the_second_interpreter_has_its_own_stack(self):
        if not self.truth["second"]:
            self.skipTest("before 3.8 Python code cannot make interpreters")
        ident, frames = self.truth["second"]
        others = [t for t in self.ask()["threads"] if t["interpreter"] != 0]
        self.assertEqual([ident], [t["ident"] for t in others])
        found = [place_of(frame)[:3] for frame in others[0]["frames"]]
        # What go() called after it had recorded itself and its callers.
        self.assertEqual([[line, "second"] for line in (9, 7, 7, 7)], [place[1:] for place in found[:4]])
        self.assertLessEqual({place[0] for place in found[:4]}, {"<string>", "<script>"})  # since 3.14 it is a script
        self.assertEqual(frames, found[4:])

    def test_tasks_are_told_with_the_chain_of_what_they_wait_for(self):
        found = {task["address"]: task for task in self.ask("--locals")["tasks"]}
        self.assertEqual(sorted(task["address"] for task in self.truth["tasks"]), sorted(found))
        for told in self.truth["tasks"]:
            task = found[told["address"]]
            with self.subTest(task=told["name"]):
                self.assertEqual([told["name"], told["state"]], [task["name"], task["state"]])
                self.assertEqual([f["place"] for f in told["frames"]], [place_of(f) for f in task["frames"]])
                self.assertEqual([f["locals"] for f in told["frames"]], [locals_of(f) for f in task["frames"]])
                awaits = task.get("awaits")
                self.assertEqual(told["awaits"], awaits and [awaits["type"], awaits["address"]])
                self.assertEqual(told["task"], (awaits or {}).get("task"))
                gathered = [[child["address"], child["task"]] for child in (awaits or {}).get("gathered", [])]
                self.assertEqual(told["gathered"], gathered)
                self.assertTrue(task["complete"])
        self.assertGreater(len(found), 50)
        self.assertEqual(2, max(len(task["gathered"]) for task in self.truth["tasks"]))
        has_names = any(task["name"] for task in self.truth["tasks"])  # since 3.8
        self.assertIn('which waits for task "%s"' % ("erster" if has_names else "?"), self.text())

    def test_the_crash_comes_first_with_its_native_frames(self):
        [first, *others] = self.ask()["threads"]
        self.assertEqual(["MainThread", True, True], [first["name"], first["crashed"], first["holds_gil"]])
        self.assertFalse(any(thread["crashed"] or thread["holds_gil"] for thread in others))
        self.assertFalse(any(thread["native"] for thread in others))
        symbols = [frame["symbol"] for frame in first["native"]]
        self.assertIn("abort", symbols)
        self.assertRegex(os.path.basename(first["native"][0]["library"]), r"^libc[.-]")
        self.assertRegex(os.path.basename(first["native"][-1]["library"]), r"^(lib)?python3")
        self.assertRegex(self.text(), r'^Thread \d+ "MainThread"(, interpreter 0)?, took SIGABRT, holds the GIL\n')

    def test_analyze_has_the_short_form(self):
        done = heapcore("analyze", self.core)
        lines = done.stdout.decode().splitlines()
        [start] = [n for n, line in enumerate(lines) if line.startswith(("Crash in thread ", "Thread "))]
        self.assertIn('"MainThread"', lines[start])
        self.assertTrue(any(line.endswith(" in stop") for line in lines[start:start + 9]))
        brief = json.loads(heapcore("analyze", "--json", self.core).stdout.decode())
        self.assertEqual([self.truth["main"]["ident"]], [t["ident"] for t in brief["thread"]])

    def test_a_stack_that_cannot_be_read_on_says_so_and_the_others_are_whole(self):
        damaged = os.path.join(self.folder, "damaged")
        shutil.copyfile(self.core, damaged)
        with open(damaged, "r+b") as file:
            type_of_code = file_offset(file, self.truth["code"]) + 8
            file.seek(type_of_code)
            file.write(bytes(8))
        try:
            for thread in self.ask(target=[damaged])["threads"]:
                ends = "unreadable" if thread["name"] == "recursion" else "complete"
                self.assertEqual((thread["name"], ends), (thread["name"], thread["end"]))
            self.assertEqual(1, self.text(target=[damaged]).count("the next frame cannot be read"))
        finally:
            os.remove(damaged)

    def test_recursion_is_told_once(self):
        self.assertRegex(self.text(), r"… the same line \d+ more times")
        [three] = [block for block in self.text().split("\n\n") if '"three"' in block]
        self.assertIn("\n       … the same 3 lines 7 more times\n  #31 ", three)
        self.assertEqual(3, three.count(".<locals>.second\n") or three.count("in second\n"))

    def test_control_characters_of_a_name_stay_out_of_the_text(self):
        text = self.text("--locals")
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\r", text)

    def test_source_lines_are_shown_from_files_that_are_no_younger(self):
        shown = self.ask()
        self.assertEqual(0, shown["source"]["younger"])
        self.assertIn("        truth.stop(how)\n", self.text())
        status = os.stat(self.core)
        try:
            os.utime(self.core, (1, 1))
            old = self.ask()
            self.assertGreater(old["source"]["younger"], 1)
            self.assertFalse([f for t in old["threads"] for f in t["frames"] if f["source"]])
            self.assertEqual(1, self.text().count("changed after the core was written"))
        finally:
            os.utime(self.core, ns=(status.st_atime_ns, status.st_mtime_ns))


class GcoreThreadsTest(ThreadsTest):
    @classmethod
    def dump(cls):
        return dumping.gcore(cls.interpreter, "threads.py", cls.folder)

    def test_the_crash_comes_first_with_its_native_frames(self):
        threads = self.ask()["threads"]
        self.assertFalse(any(thread["crashed"] or thread["holds_gil"] for thread in threads))
        self.assertEqual(self.truth["main"]["ident"], threads[0]["ident"])


class LiveThreadsTest(unittest.TestCase):
    interpreter = None

    def test_a_live_process_is_read_too(self):
        with tempfile.TemporaryDirectory(prefix="heapcore-live-") as folder, \
                dumping.blocked(self.interpreter, "threads.py", folder) as (path, process):
            with open(path) as file:
                truth = json.load(file)
            found = json.loads(heapcore("threads", "--json", "-p", str(process.pid)).stdout.decode())
            self.assertTrue(dumping.goes_on(process))
        idents = {t["ident"]: t for t in found["threads"] if t["interpreter"] == 0}
        for thread in truth["threads"]:
            self.assertEqual([thread["tid"], thread["name"]], [idents[thread["ident"]][k] for k in ("tid", "name")])
            if thread["frames"]:
                self.assertEqual(
                    [f["place"] for f in thread["frames"]], [place_of(f) for f in idents[thread["ident"]]["frames"]])
        self.assertEqual(len(truth["tasks"]), len(found["tasks"]))


class CrashTest(unittest.TestCase):
    interpreter = None

    @contextlib.contextmanager
    def crashed(self, *options):
        """(report, text, library) of a process that crashed in a library of its own."""
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler or not dumping.kernel_writes_cores_here():
            self.skipTest("needs a C compiler, and the kernel's own cores")
        if self.interpreter.root:
            self.skipTest("a library that is compiled here is not below the root")
        with tempfile.TemporaryDirectory(prefix="heapcore-crash-") as folder:
            source, library = os.path.join(folder, "crash.c"), os.path.join(folder, "libcrash.so")
            with open(source, "w") as file:
                file.write(LIBRARY)
            subprocess.run([compiler, "-O1", "-fno-optimize-sibling-calls", "-fPIC", "-shared", "-o", library, source],
                check=True)
            subprocess.run(
                ["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh", *dumping.enter(self.interpreter, folder),
                    self.interpreter.executable, "-W", "ignore",
                    os.path.join(dumping.FIXTURES, "threads.py"), os.devnull, "crash", library, *options],
                cwd=folder, env=dumping.clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            [core] = [name for name in os.listdir(folder) if name.startswith("core")]
            told, text = (
                heapcore("threads", *form, os.path.join(folder, core)).stdout.decode() for form in (["--json"], []))
            yield json.loads(told)["threads"][0], text, library

    def test_a_crash_in_a_library_is_told_with_symbol_and_library(self):
        with self.crashed() as (first, text, library):
            self.assertTrue(first["crashed"])
            self.assertEqual([["heapcore_inner", library], ["heapcore_outer", library]],
                [[frame["symbol"], frame["library"]] for frame in first["native"][:2]])
            self.assertEqual("crash_in_library", first["frames"][0]["function"])
            self.assertRegex(text, r"took SIGSEGV")
            self.assertRegex(text, r"in C: heapcore_inner\+\d+ \(libcrash\.so\)")

    def test_an_exception_on_its_way_is_told(self):
        with self.crashed("raising") as (first, text, _):
            self.assertEqual(
                ["__main__.Trouble", "on its way"], [first["raising"]["type"], first["raising"]["message"]])
            self.assertNotIn("handling", first)
            self.assertIn("  raising __main__.Trouble: on its way\n", text)
            self.assertIn("heapcore_raise", [frame["symbol"] for frame in first["native"]])


def cases_of(interpreter):
    cases = [ThreadsTest, CrashTest]
    if not interpreter.emulator:
        cases.append(LiveThreadsTest)
    # gdb 13 leaves out the threads' stacks of glibc 2.42, whose guard pages it cannot read.
    if shutil.which("gcore") and not interpreter.root:
        cases.append(GcoreThreadsTest)
    return cases


def main():
    global HEAPCORE
    arguments = suites.parse(suites.argument_parser(__doc__, interpreters.ALL))
    HEAPCORE = arguments.heapcore
    return suites.run(cases_of, arguments, interpreters.ALL)


if __name__ == "__main__":
    sys.exit(main())
