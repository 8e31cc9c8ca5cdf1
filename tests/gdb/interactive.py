"""gdb as a person has it, on a terminal: pages, Ctrl-C, completion."""
import os
import pty
import re
import select
import shutil
import signal
import tempfile
import time
import unittest

import driving
import dumping
from driving import PATIENCE

PROMPT = "(gdb) "
PAGE = "--Type <RET> for more"
CONTROL_C, TAB = "\x03", "\t"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """gdb on a terminal of its own, without pages until asked for."""

    def __init__(self, *arguments):
        command = [each for each in driving.gdb_command(*arguments) if each != "-batch"]
        environment = driving.environment(INPUTRC="/dev/null", HOME="/nonexistent")
        self.process, self.descriptor = pty.fork()
        if not self.process:
            try:
                os.execvpe(command[0], command, environment)
            finally:
                os._exit(127)
        self.seen = ""
        self.wait_for(PROMPT)

    def type(self, keys):
        os.write(self.descriptor, keys.encode())

    def wait_for(self, *texts):
        """What came up to the first of `texts` that comes."""
        until = time.monotonic() + PATIENCE
        while True:
            plain = ESCAPES.sub("", self.seen).replace("\r", "")
            ends = [plain.index(text) + len(text) for text in texts if text in plain]
            if ends:
                self.seen = plain[min(ends):]
                return plain[:min(ends)]
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.descriptor], [], [], left)[0]:
                raise AssertionError("none of %r came; there is %r" % (texts, plain))
            try:
                more = os.read(self.descriptor, 65536)
            except OSError:  # the other side is gone
                more = b""
            if not more:
                raise AssertionError("gdb ended before any of %r; there is %r" % (texts, plain))
            self.seen += more.decode(errors="replace")

    def answer(self, line):
        """What the line comes to."""
        self.type(line + "\n")
        self.wait_for("\n")  # the echo
        return self.wait_for(PROMPT)[: -len(PROMPT)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.descriptor)


def long_expression():
    """An expression that works for minutes, in a small heap too."""
    def union(depth):
        return "h.dominos" if not depth else "(%s|%s)" % ((union(depth - 1),) * 2)
    return union(11)


class InteractiveTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-gdb-pty-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.core = driving.make_core(cls.folder)[1]

    def gdb(self):
        return Terminal(driving.INTERPRETER.executable, self.core)

    def test_long_answers_come_by_pages(self):
        with self.gdb() as gdb:
            whole = gdb.answer("py-heap h.byid")
            for setting in "set pagination on", "set height 6":
                gdb.answer(setting)
            gdb.type("py-heap h.byid\n")
            gdb.wait_for("\n")
            pages = [gdb.wait_for(PAGE, PROMPT)]
            while pages[-1].endswith(PAGE):
                gdb.wait_for("--", PROMPT)
                gdb.type("\n")
                pages.append(gdb.wait_for(PAGE, PROMPT))
            self.assertGreater(len(pages), 2)
            for line in whole.splitlines():
                self.assertIn(line.strip(), "".join(pages))

    def test_a_page_can_be_the_last(self):
        with self.gdb() as gdb:
            for setting in "set pagination on", "set height 6":
                gdb.answer(setting)
            gdb.type("py-heap h.byid\n")
            self.assertIn("Set of", gdb.wait_for(PAGE))
            gdb.type("q\n")
            end = gdb.wait_for(PROMPT)
            self.assertIn("Quit", end)
            self.assertNotIn("Traceback", end)
            gdb.answer("set pagination off")
            self.assertRegex(gdb.answer("py-heap h.count"), r"\A\d+\n\Z")

    def test_control_c_ends_an_answer_and_not_the_session(self):
        with self.gdb() as gdb:
            gdb.answer("py-heap x = h.count")
            for wait in 0.3, 1:
                gdb.type("py-heap %s\n" % long_expression())
                gdb.wait_for("))\n")
                dumping.await_work(gdb.process, wait)
                gdb.type(CONTROL_C)
                end = gdb.wait_for(PROMPT)
                self.assertIn("Quit\n", end)
                self.assertNotIn("Traceback", end)
            self.assertEqual(gdb.answer("py-heap x == h.count"), "True\n")

    def test_control_c_while_python_computes_with_sets(self):
        with self.gdb() as gdb:
            gdb.answer("python import heapcore")
            gdb.type("python heapcore.evaluate('%s')\n" % long_expression())
            gdb.wait_for("')\n")
            dumping.await_work(gdb.process, 0.5)
            gdb.type(CONTROL_C)
            gdb.wait_for("KeyboardInterrupt", "Quit")
            gdb.wait_for(PROMPT)
            self.assertRegex(gdb.answer("python print(heapcore.heap().count)"), r"\A\d+\n\Z")

    def test_control_c_at_the_prompt_is_gdb_s_own(self):
        with self.gdb() as gdb:
            gdb.answer("py-heap h.count")
            gdb.type("py-heap h.by")
            gdb.wait_for("h.by")
            gdb.type(CONTROL_C)
            self.assertIn("Quit", gdb.wait_for(PROMPT))

    def test_tab_completes(self):
        with self.gdb() as gdb:
            gdb.type("py-heap h[0].indi" + TAB)
            gdb.wait_for("py-heap h[0].indisize")
            gdb.type("\n")
            self.assertRegex(gdb.wait_for(PROMPT), r"\n\d+\n")
            gdb.type("py-heap refr" + TAB)
            gdb.wait_for("py-heap refresh")
            gdb.type("\n")
            gdb.wait_for(PROMPT)
            gdb.type("py-heap h.by" + TAB + TAB)
            several = gdb.wait_for(PROMPT + "py-heap h.by")
            for name in "byrcs", "byclodo", "bysize":
                self.assertIn(name, several)

    def test_commands_complete_without_a_process(self):
        with Terminal() as gdb:
            gdb.type("py-heap refr" + TAB)
            gdb.wait_for("py-heap refresh")
            gdb.type("\n")
            self.assertIn("no process", gdb.wait_for(PROMPT))

    def test_more_is_the_next_page_of_the_last_answer(self):
        with self.gdb() as gdb:
            gdb.answer("py-heap h.byid")
            second, third = gdb.answer("py-heap more"), gdb.answer("py-heap more")
            self.assertRegex(second, r"(?m)^ +10 ")
            self.assertRegex(third, r"(?m)^ +20 ")

    def test_an_empty_line_repeats_nothing(self):
        with self.gdb() as gdb:
            self.assertTrue(gdb.answer("py-heap h.count"))
            self.assertEqual(gdb.answer(""), "")
