#!/usr/bin/env python3
"""How objects refer to each other, against a process that knows: fixtures/links.py; and, over all objects of
fixtures/zoo.py, links and referents.

    python3 tests/query/links_test.py --heapcore BIN --check LINKS_CHECK [--interpreter V]...
"""
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import cored
import dumping
import extension
import interpreters
import suites

CHECK = None


class LinksTest(cored.CoredCase):
    fixture = "links.py"

    def texts(self, addresses):
        """How each object is referred to, asked for one by one."""
        for answer in self.ask(*["iso(%d).byvia" % each for each in addresses]):
            (row,) = answer["rows"]
            yield list(ast.literal_eval("[%s]" % row["name"]))

    def extension_links(self, has_debug_information):
        """(what, texts told, texts found) of what an extension's instances refer to."""
        folder = tempfile.mkdtemp(prefix="heapcore-links-")
        self.addCleanup(shutil.rmtree, folder)
        try:
            module = extension.build(self.interpreter, folder, "zooext")
            if not has_debug_information:
                extension.run(["strip", "--strip-debug", module])
        except (extension.CannotBuild, OSError) as error:
            self.skipTest(str(error))
        told, self.core = dumping.abort_for_core(self.interpreter, "links_native.py", folder, [folder])
        with open(told) as file:
            told = json.load(file)["just"]
        self.assertGreater(len(told), 300)
        return [(what, expected, found) for (what, _, expected), found in zip(
            told, self.texts(each[1] for each in told))]

    def test_what_an_extension_refers_to_has_the_names_of_its_structs_members(self):
        for what, expected, found in self.extension_links(True):
            with self.subTest(what=what):
                self.assertEqual(expected, found)

    def test_without_debug_information_only_what_python_code_sees_has_a_name(self):
        for what, expected, found in self.extension_links(False):
            with self.subTest(what=what):
                self.assertEqual(sorted({".??" if text.startswith("->") else text for text in expected}), found)

    def test_each_object_is_referred_to_in_just_the_ways_that_the_process_told(self):
        told = self.truth["just"]
        self.assertGreater(len(told), 150)
        for (what, address, expected), found in zip(told, self.texts(each[1] for each in told)):
            with self.subTest(what=what):
                self.assertEqual(expected, found)

    def test_shared_objects_are_also_referred_to_in_the_ways_that_the_process_told(self):
        told = self.truth["among"]
        for (what, address, expected), found in zip(told, self.texts(each[1] for each in told)):
            with self.subTest(what=what):
                self.assertEqual([], sorted(set(expected) - set(found)), found)

    def test_a_value_of_a_dict_is_called_by_its_key(self):
        told = self.truth["keys"]
        for (value, key), found in zip(told, self.texts(each[0] for each in told)):
            self.assertEqual(1, len(found), found)
            self.assertRegex(found[0], r"^\[<.*Thing.* at 0x%x>\]$" % key)

    def test_all_at_once_are_classified_as_one_by_one(self):
        addresses = [each[1] for each in self.truth["just"]]
        (answer,) = self.ask("iso(%s).byvia" % ", ".join(map(str, addresses)))
        counted = {tuple(ast.literal_eval("[%s]" % row["name"])): row["count"] for row in answer["rows"]}
        expected = {}
        for _, _, texts in {each[1]: each for each in self.truth["just"]}.values():
            expected[tuple(texts)] = expected.get(tuple(texts), 0) + 1
        self.assertEqual(expected, counted)

    def test_of_every_object_the_links_lead_to_just_what_it_refers_to(self):
        folder = tempfile.mkdtemp(prefix="heapcore-links-")
        self.addCleanup(shutil.rmtree, folder)
        cores = [self.core, dumping.abort_for_core(self.interpreter, "zoo.py", folder)[1]]
        for core in cores:
            done = subprocess.run([CHECK, core], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=dumping.PATIENCE)
            said = done.stdout.decode()
            self.assertEqual(0, done.returncode, said)
            objects, links, unknown = map(int, re.search(
                r"objects: (\d+), links: (\d+), unknown: (\d+), wrong: 0", said).groups())
            self.assertGreater(objects, 15000)
            self.assertGreater(links, 2 * objects)
            self.assertLess(unknown, links / 100, said)
            for kind in ("function", "code", "list", "dict", "type", "tuple", "set", "frame", "generator", "cell"):
                self.assertNotIn(" builtins.%s\n" % kind, said)


def main():
    global CHECK
    parser = suites.argument_parser(__doc__, interpreters.QUERIED)
    parser.add_argument("--check", required=True, help="the program made from links_check.c")
    arguments = suites.parse(parser, "check")
    CHECK = arguments.check
    return suites.run(lambda _: [LinksTest], arguments, interpreters.QUERIED)


if __name__ == "__main__":
    sys.exit(main())
