"""A test case on the core of a fixture that told the truth about itself, and how it asks heapcore about it."""
import json
import shutil
import subprocess
import tempfile
import unittest

import dumping


class CoredCase(unittest.TestCase):
    """suites.run() makes a subclass of each for each interpreter."""

    fixture = None  # in fixtures/; what it tells is JSON
    options = ()  # of the fixture
    heapcore = None
    interpreter = None
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-%s-" % cls.fixture.split(".")[0])
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        told, cls.core = dumping.abort_for_core(cls.interpreter, cls.fixture, cls.folder, cls.options)
        with open(told) as file:
            cls.truth = json.load(file)

    def run_heapcore(self, *arguments, status=0):
        """Ended with the exit status; with any if that is None."""
        done = subprocess.run([self.heapcore, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=dumping.PATIENCE, cwd=self.folder)
        said = done.stderr.decode(errors="replace")
        if status is not None:
            self.assertEqual(status, done.returncode, said)
        self.assertNotIn("Sanitizer", said)
        self.assertNotIn("runtime error", said)
        return done

    def ask(self, *expressions, status=0, options=(), target=None):
        """What `query --json` answers, of the fixture's core unless there is another target."""
        done = self.run_heapcore(
            "query", "--json", *options, *(target or [self.core]), "--", *expressions, status=status)
        if status == 0:
            self.assertEqual(b"", done.stderr)
        return json.loads(done.stdout.decode())

    def values(self, *expressions):
        return [answer["value"] for answer in self.ask(*expressions)]

    def text(self, *expressions):
        done = self.run_heapcore("query", self.core, "--", *expressions)
        self.assertEqual(b"", done.stderr)
        return done.stdout.decode()
