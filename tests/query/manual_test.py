#!/usr/bin/env python3
"""Every example of docs/query.md gives an answer on the heap that the manual is about: ./demo's leaking service.

    python3 tests/query/manual_test.py --heapcore BIN

Examples are the expressions in the last column of its tables, and those of its `$ heapcore query core …` sessions.
"""
import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "truth"))
import dumping
import interpreters

MANUAL = os.path.join(HERE, "..", "..", "docs", "query.md")
PATIENCE = 300  # seconds
NONE_FOUND = 77  # ctest: skipped
HEAPCORE = None
INTERPRETER = None


def table_examples(text):
    """The expressions in the last column of the tables that have a column of examples."""
    has_examples = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            has_examples = False
        elif cells[-1] == "example":
            has_examples = True
        elif has_examples and not set(cells[-1]) <= set("- "):
            for example in re.findall(r"`([^`]+)`", cells[-1]):
                yield example.replace("\\|", "|")


def session_examples(text):
    for line in re.findall(r"^    \$ heapcore query (?:--\S+ (?:\d+ )?)*core (.*)$", text, re.MULTILINE):
        yield from shlex.split(line.split(" | ")[0])


class ManualTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-manual-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        _, cls.core = dumping.abort_for_core(INTERPRETER, "leaky.py", cls.folder)
        with open(MANUAL) as file:
            cls.text = file.read()

    def ask(self, expressions):
        done = subprocess.run([HEAPCORE, "query", "--json", "--limit", "3", self.core, "--", *expressions], cwd=self.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=PATIENCE)
        return json.loads(done.stdout)

    def real(self, example):
        """Addresses are those of an object of this core, as is the class of a made-up session; files are made first."""
        return re.sub(r"0x[0-9a-f]{6,}", "%#x" % self.address, example).replace("__main__.Foo", "__main__.Session")

    def test_every_example_gives_an_answer(self):
        self.address = self.ask(["h.byid[0].theone.address"])[0]["value"]
        files = sorted(set(re.findall(r"'(\w+\.stat)'", self.text)))
        prepare = ["h.dump('%s', 'w')" % name for name in files] + ["paths = h[0].sp", "kind = Type('str')"]
        self.assertEqual([answer["error"] for answer in self.ask(prepare) if "error" in answer], [])
        examples = [self.real(each) for each in table_examples(self.text)]
        sessions = [self.real(each) for each in session_examples(self.text)]
        self.assertGreater(len(examples), 100)
        self.assertGreater(len(sessions), 10)
        alone = [each for example in examples for each in ("setref(Nothing, Nothing)", "_ = h", example)]
        answers = self.ask(prepare[-2:] + alone) + self.ask(sessions)
        wrong = {answer["expr"]: answer["error"] for answer in answers if "error" in answer}
        self.assertEqual(wrong, {})


def main():
    global HEAPCORE, INTERPRETER
    parser = argparse.ArgumentParser()
    parser.add_argument("--heapcore", required=True)
    options, rest = parser.parse_known_args()
    HEAPCORE = os.path.abspath(options.heapcore)
    found = [each for each in map(interpreters.find, ("3.11", interpreters.DEBIAN, *interpreters.NAMES)) if each]
    if not found:
        return 1 if interpreters.must_have_all() else NONE_FOUND
    INTERPRETER = found[0]
    print(INTERPRETER, flush=True)
    result = unittest.main(argv=sys.argv[:1] + rest, verbosity=2, exit=False).result
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
