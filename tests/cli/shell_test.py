#!/usr/bin/env python3
"""`heapcore shell` on a terminal, a dumb terminal and a pipe; help, completion, history, Ctrl-C; docs/shell.md.

    python3 tests/cli/shell_test.py --heapcore BIN [TEST ...]
"""
import argparse
import os
import pty
import re
import select
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

PATIENCE = 300  # seconds
NONE_FOUND = 77  # ctest: skipped
HEAPCORE = None
INTERPRETER = None
DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CONTROL_C, CONTROL_D, CONTROL_R, TAB, UP = b"\x03", b"\x04", b"\x12", b"\t", b"\x1b[A"


def balanced_tree(leaf, depth):
    return leaf if not depth else "(%s|%s)" % ((balanced_tree(leaf, depth - 1),) * 2)


# One statement that works for very long.
ENDLESS = "\n".join(["(%s" % balanced_tree("h.dominos", 11)] + ["|%s" % balanced_tree("h.dominos", 11)] * 1 + [")"])


def catches(pid, number):
    with open("/proc/%d/status" % pid) as file:
        return int(re.search(r"SigCgt:\s*(\w+)", file.read())[1], 16) >> (number - 1) & 1


class Terminal:
    """The shell on a terminal of its own."""

    def __init__(self, core, term, folder, *options, **environment):
        environment = dict(dumping.clean_environment(), TERM=term, HOME=folder,
            **{"XDG_STATE_HOME": os.path.join(folder, "state"), **environment})
        self.process, self.descriptor = pty.fork()
        if not self.process:
            try:
                os.chdir(folder)
                os.execve(HEAPCORE, [HEAPCORE, "shell", *options, core], environment)
            finally:
                os._exit(127)
        self.seen = ""
        self.first = self.wait_for(">>> ")

    def type(self, keys):
        os.write(self.descriptor, keys if isinstance(keys, bytes) else keys.encode())

    def wait_for(self, text, patience=PATIENCE):
        """What came up to `text`, which must come, without the terminal's escape codes."""
        self.plain = ""
        until = time.monotonic() + patience
        while True:
            self.plain = ESCAPES.sub("", self.seen)
            if text in self.plain:
                at = self.plain.index(text) + len(text)
                found, self.seen = self.plain[:at], self.plain[at:]
                return found.replace("\r", "")
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.descriptor], [], [], left)[0]:
                raise AssertionError("%r did not come; there is %r" % (text, self.plain))
            try:
                more = os.read(self.descriptor, 65536)
            except OSError:  # the other side is gone
                more = b""
            if not more:
                raise AssertionError("%r did not come before the end; there is %r" % (text, self.plain))
            self.seen += more.decode(errors="replace")

    def answer(self, line):
        """What the line comes to."""
        self.type(line + "\r")
        self.wait_for("\n")  # the echo
        return self.wait_for(">>> ")[: -len(">>> ")]

    def end(self):
        """The exit status."""
        self.type(CONTROL_D)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if select.select([self.descriptor], [], [], 0.05)[0]:
                try:
                    os.read(self.descriptor, 65536)
                except OSError:
                    pass
            pid, status = os.waitpid(self.process, os.WNOHANG)
            if pid:
                self.process = None
                os.close(self.descriptor)
                return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        raise AssertionError("the shell does not end")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
            os.close(self.descriptor)


def names_in(overview):
    """The names that `help` lists, by group."""
    groups, group = {}, None
    for line in overview.splitlines():
        if line.startswith("Of ") and line.endswith(":"):
            group = groups.setdefault(line[len("Of ") : -1], [])
        elif group is not None and re.match(r"  \S", line):
            name, summary = line.split(None, 1)
            group.append((name, summary))
    return groups


def section(text, title):
    return text.partition("## %s\n" % title)[2].split("\n## ")[0]


class ShellTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-shell-")
        cls.core = dumping.abort_for_core(INTERPRETER, "leaky.py", cls.folder)[1]
        with open(os.path.join(DOCS, "shell.md"), encoding="utf-8") as file:
            cls.manual = file.read()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.place = tempfile.mkdtemp(dir=self.folder)

    def pipe(self, text, status=0, *options):
        done = subprocess.run(
            [HEAPCORE, "shell", *options, self.core], input=text.encode(), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=PATIENCE, cwd=self.place, env=dict(os.environ, HOME=self.place))
        self.assertEqual(status, done.returncode, done.stderr.decode())
        return done.stdout.decode(), done.stderr.decode()

    def query(self, *expressions):
        return subprocess.run(
            [HEAPCORE, "query", self.core, *expressions], stdout=subprocess.PIPE, check=True,
            timeout=PATIENCE).stdout.decode()

    def write(self, name, text):
        with open(os.path.join(self.place, name), "w") as file:
            file.write(text)

    def terminal(self, term="xterm", *options, **environment):
        return Terminal(self.core, term, self.place, *options, **environment)

    # Pipes

    def test_a_pipe_gives_what_query_gives_without_prompt_or_escape_codes(self):
        lines = ["h", "s = h & __main__.Session", "s.count", "s.referrers.byrcs", "_[0]", "s.domisize"]
        out, err = self.pipe("\n".join(lines) + "\n")
        self.assertEqual(self.query(*lines), out)
        self.assertEqual("", err)
        self.assertNotIn("\x1b", out)

    def test_the_last_line_needs_no_end_and_nothing_gives_nothing(self):
        self.assertEqual("3000\n", self.pipe("(h & __main__.Session).count")[0])
        self.assertEqual(("", ""), self.pipe(""))
        self.assertEqual(("", ""), self.pipe("\n\n   \n# nothing\n"))

    def test_an_error_tells_its_line_and_the_others_still_run(self):
        out, err = self.pipe("1\nh.byrc\n\n2\n", 1)
        self.assertEqual("1\n2\n", out)
        self.assertEqual(
            "stdin:2:\nh.byrc\n  ^ unknown attribute 'byrc'; did you mean 'byrcs'?\n"
            "heapcore: 1 of 3 expressions failed\n", err)

    def test_brackets_go_over_lines_and_nothing_else_does(self):
        out, err = self.pipe("(h\n  & __main__.Session # all\n).count\nh[\n0\n:1].count == h[0].count\n1 +\n", 1)
        self.assertEqual("3000\nTrue\n", out)
        self.assertIn("stdin:7:\n1 +\n   ^ expected an expression\n", err)

    def test_a_bracket_that_is_never_closed_is_an_error_at_the_end(self):
        out, err = self.pipe("1\n(h\n", 1)
        self.assertEqual("1\n", out)
        self.assertIn("stdin:2:\n(h\n  ^ expected ',' or ')'\n", err)

    def test_quit_ends_and_exit_does(self):
        for line in "quit", "exit", "quit()", "exit()":
            self.assertEqual("1\n", self.pipe("1\n%s\n2\n" % line)[0])

    def test_no_line_runs_a_program(self):
        out, err = self.pipe("!touch here\n!\nsource |touch here\nsource !touch here\n", 1)
        self.assertEqual("", out)
        self.assertIn("'!' means nothing", err)
        self.assertEqual([], os.listdir(self.place))

    def test_words_are_names_where_a_value_is_given_or_asked(self):
        self.assertEqual("3000\n3000\n1\n", self.pipe(
            "source = h & __main__.Session\nsource.count\n(source).count\nquit = 1\nmore=2\nhelp = quit\nhelp & help\n"
            .replace("help & help", "(help)"))[0])

    def test_bytes_that_are_no_text_are_errors(self):
        done = subprocess.run([HEAPCORE, "shell", self.core], input=b"1\n\0\n\xff\xfe\n\x1b[2J\n" + b"(" * 70000 + b"\n",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual((1, b"1\n"), (done.returncode, done.stdout))
        self.assertNotIn(b"\x1b", done.stderr)
        self.assertIn(b"heapcore: 4 of 5 expressions failed\n", done.stderr)

    def test_a_line_without_end_is_refused(self):
        with open("/dev/zero", "rb") as zeros:
            done = subprocess.run([HEAPCORE, "shell", self.core], stdin=zeros, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(1, done.returncode)
        self.assertIn(b"longer than", done.stderr)

    def test_json_is_left_to_query(self):
        err = self.pipe("h\n", 1, "--json")[1]
        self.assertIn("query --json", err)

    def test_more_shows_the_next_page_of_the_last_answer(self):
        out = self.pipe("h\nmore\nmore\n")[0]
        self.assertEqual(self.query("h", "_.more", "_.more"), out)
        self.assertIn("there is no", self.pipe("more now\nmore\n", 1)[1] + "there is no")

    def test_a_pasted_session_of_heapy_runs(self):
        out = self.pipe(
            ">>> from guppy import hpy; hp = hpy()\n>>> import guppy\n>>> h = hp.heap()  # all\n>>> print(h.count)\n"
            ">>> (h &\n...     __main__.Session).count\n>>>\n>>> guppy.hpy().Nothing\n")[0]
        self.assertEqual("%s3000\nhp.Nothing\n" % self.query("h.count"), out)
        err = self.pipe("from os import system\nr'x'\n", 1)[1]
        self.assertIn("'from' is not in the query language", err)
        self.assertIn("strings have no prefix", err)

    # source

    def test_source_runs_a_file_and_tells_its_lines(self):
        self.write("some file", "s = h & __main__.Session\n\ns.count\ns.coun\n(s\n.count)\n")
        out, err = self.pipe("source some file\nsource 'some file'\ns.count\n", 1)
        self.assertEqual("3000\n" * 5, out)
        self.assertEqual(2, err.count("some file:4:\ns.coun\n  ^ unknown attribute 'coun'; did you mean 'count'?\n"))

    def test_files_that_read_each_other_for_ever_end(self):
        self.write("a", "source b\n1\n")
        self.write("b", "source a\n")
        out, err = self.pipe("source a\n2\n", 1)
        self.assertEqual("1\n" * 8 + "2\n", out)
        self.assertIn("more than 16 deep", err)

    def test_source_of_what_is_no_file_is_an_error(self):
        out, err = self.pipe("source\nsource nowhere\nsource .\n1\n", 1)
        self.assertEqual("1\n", out)
        self.assertIn("which file?", err)
        self.assertIn("cannot open nowhere: No such file or directory", err)
        self.assertIn("Is a directory", err)

    def test_quit_in_a_file_ends_the_session(self):
        self.write("a", "1\nquit\n2\n")
        self.assertEqual("1\n", self.pipe("source a\n3\n")[0])

    # Help

    def test_every_name_has_two_sentences_and_an_example_that_works(self):
        groups = names_in(self.pipe("help\n")[0])
        self.assertLessEqual({"a session", "hp", "a set", "a kind"}, set(groups))
        names = sorted({name for group in groups.values() for name, summary in group})
        self.assertGreater(len(names), 40)
        for group, entries in groups.items():
            for name, summary in entries:
                self.assertTrue(summary.strip(), "%s of %s has no help" % (name, group))
        text = self.pipe("".join("help %s\n" % name for name in names))[0]
        entries = re.findall(r"^(\S.*), of (.*)\n((?:  .*\n)+?)  Example: (.*)\n", text, re.MULTILINE)
        self.assertEqual(sum(map(len, groups.values())), len(entries))
        for usage, group, help_text, example in entries:
            with self.subTest(name=usage, of=group):
                sentences = re.findall(r"[.?](?=\s)", " ".join(help_text.split()) + " ")
                self.assertGreaterEqual(len(sentences), 2, help_text)
                self.assertTrue(example)
                out, err = self.pipe(example + "\n")
                self.assertEqual("", err)
                word = re.match(r"\w+", usage).group()
                self.assertRegex(example, r"\b%s\b" % word if word != "_" else "_")

    def test_every_name_is_in_the_manual(self):
        with open(os.path.join(DOCS, "query.md"), encoding="utf-8") as file:
            manual = file.read()
        missing = section(manual, "What heapy has and heapcore does not yet")
        written = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", manual.replace(missing, "")))))
        for group, entries in names_in(self.pipe("help\n")[0]).items():
            with self.subTest(of=group):
                self.assertEqual(set(), {name for name, summary in entries} - written)

    def test_help_query_tells_the_same(self):
        done = subprocess.run([HEAPCORE, "help", "query", "byrcs"], stdout=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual((0, self.pipe("help byrcs\n")[0]), (done.returncode, done.stdout.decode()))
        done = subprocess.run([HEAPCORE, "help", "query", "byrc"], stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(2, done.returncode)
        self.assertIn(b"did you mean 'byrcs'?", done.stderr)

    def test_help_of_nothing_known_suggests(self):
        self.assertIn("did you mean 'referrers'?", self.pipe("help referers\n", 1)[1])
        self.assertIn("source FILE", self.pipe("help source\n")[0])

    # Terminals

    def test_a_session_on_a_terminal(self):
        for term in "xterm", "dumb", "":
            with self.subTest(term=term), self.terminal(term) as terminal:
                self.assertEqual("3000\n", terminal.answer("(h & __main__.Session).count"))
                self.assertIn("^ unknown attribute", terminal.answer("h.byrc"))
                terminal.type("h[\r")
                terminal.wait_for("... ")
                self.assertIn("Partition of a set", terminal.answer("0]"))
                self.assertIn("Example:", terminal.answer("help count"))
                self.assertEqual(0, terminal.end())

    def test_a_dumb_terminal_is_given_no_escape_codes(self):
        with self.terminal("dumb") as terminal:
            terminal.type("h\r")
            seen = b""
            while b">>> " not in seen:
                seen += os.read(terminal.descriptor, 65536)
            self.assertIn(b"Partition of a set", seen)
            self.assertNotIn(b"\x1b", seen)

    def test_control_c_drops_the_line(self):
        for term in "xterm", "dumb":
            with self.subTest(term=term), self.terminal(term) as terminal:
                terminal.type("nonsense")
                terminal.wait_for("nonsense")
                terminal.type(CONTROL_C)
                terminal.wait_for(">>> ")
                self.assertEqual("7\n", terminal.answer("7"))
                terminal.type("h[\r")
                terminal.wait_for("... ")
                terminal.type(CONTROL_C)
                terminal.wait_for(">>> ")
                self.assertEqual("8\n", terminal.answer("8"))
                self.assertEqual(0, terminal.end())

    def test_control_c_stops_an_answer_and_the_session_lives_on(self):
        self.write("endless", ENDLESS)
        self.write("twice", "source endless\n99\n")
        for term, line in ("xterm", "source endless"), ("dumb", "source endless"), ("xterm", "source twice"):
            with self.subTest(term=term, line=line), self.terminal(term) as terminal:
                terminal.answer("s = h & __main__.Session")
                self.assertEqual("41\n", terminal.answer("41"))
                terminal.type(line + "\r")
                terminal.wait_for("\n")
                dumping.await_work(terminal.process, 0.5)
                terminal.type(CONTROL_C)
                told = terminal.wait_for(">>> ")
                self.assertIn("interrupted", told)
                self.assertNotIn("99", told)
                self.assertEqual("3000\n", terminal.answer("s.count"))
                self.assertEqual("3000\n", terminal.answer("_"))
                self.assertIn("Partition of a set", terminal.answer("s.referrers"))
                self.assertEqual(0, terminal.end())

    def test_an_interrupted_query_prints_what_it_has_and_dies_of_it(self):
        for options in [], ["--json"]:
            process = subprocess.Popen(
                [HEAPCORE, "query", *options, self.core, "41", ENDLESS, "42"], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE)
            while not catches(process.pid, signal.SIGINT):
                time.sleep(0.005)
            dumping.await_work(process.pid, 0.3)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
            self.assertEqual(-signal.SIGINT, process.returncode)
            self.assertIn(b"41", out)
            self.assertNotIn(b"42", out.replace(ENDLESS.encode(), b""))
            self.assertIn(b"interrupted", out if options else err)

    def test_tab_completes(self):
        with self.terminal() as terminal:
            for keys, expected in (
                ("h.byr", "h.byrcs"), ("domis", "domisize"), ("(h & str).ow", "(h & str).owners"),
                ("h.byrcs[0:3].byt", "h.byrcs[0:3].bytype"), ("hp.heapu().ind", "hp.heapu().indisize"),
                ("__main__.Ses", "__main__.Session"), ("Type(str).al", "Type(str).alt"), ("h.by('Type').dicto", "h.by('Type').dictof"),
            ):
                terminal.type(keys.encode() + TAB)
                terminal.wait_for(expected[len(keys) :])
                terminal.type(CONTROL_C)
                terminal.wait_for(">>> ")
            terminal.answer("sessions = h & __main__.Session")
            terminal.answer("number = 3")
            terminal.type(b"sess" + TAB + b".cou" + TAB + b"\r")
            terminal.wait_for("3000")
            terminal.wait_for(">>> ")
            terminal.type(b"h.refer" + TAB + TAB)
            self.assertIn("referents  referrers", terminal.wait_for("referrers"))
            terminal.type(CONTROL_C)
            terminal.wait_for(">>> ")
            terminal.type(b"number." + TAB + TAB + b"\r")
            self.assertIn("expected a name", terminal.wait_for("expected a name"))

    def test_what_tab_knows_without_working_it_out_is_true(self):
        names = [name for name, summary in names_in(self.pipe("help\n")[0])["a set"] if name not in ("prod", "dump", "theone")]
        values = ["h[0].%s" % name for name in names] + ["heapu()", "iso()", "Size(3)", "h.by('Type')", "h.sp[0]",
            "hp.relheap", "h.stat.more", "h.rp.all", "~str", "h - str", "(h & str).byid[0].theone", "iter(h.nodes)"]
        tried = 0
        with self.terminal() as terminal:
            for value in values:
                terminal.type(value + "." + "\t\t\x15\r")
                guessed = terminal.wait_for("\n>>> ")
                guessed = set(guessed.split("\n>>> ")[0].split("\n", 1)[1].split()) if guessed.count("\n") > 2 else set()
                if not guessed:
                    continue
                tried += 1
                with self.subTest(value=value):
                    told = terminal.answer("t = %s" % value) + terminal.answer("t.nobody_at_all")
                    self.assertIn("unknown attribute", told)
                    terminal.type("t." + "\t\t\x15\r")
                    known = terminal.wait_for("\n>>> ").split("\n>>> ")[0].split("\n", 1)[1].split()
                    self.assertEqual(set(known), guessed)
        self.assertGreater(tried, 30)

    def test_history_is_kept_for_the_next_session(self):
        with self.terminal() as terminal:
            self.assertEqual("4711\n", terminal.answer("4711"))
            terminal.type(UP + b"\r")
            terminal.wait_for("4711\n".replace("\n", ""))
            terminal.wait_for(">>> ")
            terminal.answer("'after'")
            self.assertEqual(0, terminal.end())
        with open(os.path.join(self.place, "state/heapcore/history")) as file:
            self.assertEqual(["4711", "4711", "'after'"], file.read().splitlines())
        with self.terminal() as terminal:
            terminal.type(UP + UP + b"\r")
            terminal.wait_for("\n4711", PATIENCE)
            terminal.wait_for(">>> ")
            terminal.type(CONTROL_R + b"aft")
            terminal.wait_for("after")
            terminal.type(b"\r")
            terminal.wait_for("'after'")
            terminal.wait_for(">>> ")
            self.assertEqual(0, terminal.end())

    def test_history_that_cannot_be_kept_is_told_once(self):
        with self.terminal(XDG_STATE_HOME="/proc/nowhere") as terminal:
            self.assertEqual(1, terminal.first.count("history cannot be kept in /proc/nowhere/heapcore/history"))
            self.assertEqual("1\n", terminal.answer("1"))
            self.assertEqual("2\n", terminal.answer("2"))
            self.assertEqual(0, terminal.end())

    # docs/shell.md

    def test_the_sessions_of_the_manual_run(self):
        lines = re.findall(r"^    ((?:>>>|\.\.\.) .*)$", self.manual, re.MULTILINE)
        self.assertGreater(len(lines), 15)
        out, err = self.pipe("\n".join(lines) + "\n")
        self.assertEqual("", err)
        self.assertIn("__main__.Session", out)

    def test_the_pipe_of_the_manual_prints_what_it_shows(self):
        shown = section(self.manual, "Without a terminal").split("| heapcore shell core\n")[1].split("\n\n")[0]
        shown = [line[4:] for line in shown.splitlines()]
        out, err = self.pipe("h.count\nh.byrc\n", 1)
        self.assertRegex(out, r"\A\d+\n\Z")
        self.assertEqual(shown[1:], err.splitlines())

    def test_the_manual_tells_all_words(self):
        words = re.findall(r"^  (\w+)", self.pipe("help\n")[0].split("\n\n")[0], re.MULTILINE)
        self.assertIn("source", words)
        for word in words:
            self.assertIn("`%s" % word, section(self.manual, "What can be typed beside expressions"))


def main():
    global HEAPCORE, INTERPRETER
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heapcore", required=True, help="the program under test")
    parser.add_argument("tests", nargs="*", help="names of tests, or parts of them")
    arguments = parser.parse_args()
    HEAPCORE = os.path.abspath(arguments.heapcore)
    if not os.access(HEAPCORE, os.X_OK):
        parser.error("%s is no program: build it first" % arguments.heapcore)
    found, missing = interpreters.cover(interpreters.NAMES)
    if missing and interpreters.must_have_all():
        return 1
    if not found:
        return NONE_FOUND
    INTERPRETER = found[0]
    suite = unittest.TestSuite(
        test for test in unittest.defaultTestLoader.loadTestsFromTestCase(ShellTest)
        if not arguments.tests or any(part in test.id() for part in arguments.tests))
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
