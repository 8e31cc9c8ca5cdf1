#!/usr/bin/env python3
"""The layering check finds what it is there to find."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import layering


class LayeringTest(unittest.TestCase):
    def faults(self, files):
        with tempfile.TemporaryDirectory(prefix="heapcore-layering-") as root:
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                    file.write(text)
            return layering.faults(root)

    def assert_one_fault(self, files, *words):
        found = self.faults(files)
        self.assertEqual(len(found), 1, found)
        for word in words:
            self.assertIn(word, found[0])

    def test_a_tree_that_points_down_has_no_fault(self):
        self.assertEqual(self.faults({
            "src/base/error.h": "#include <stdio.h>\n",
            "src/graph/graph.c": '#include "graph/graph.h"\n#include "base/error.h"\n#include "heapcore/heapcore.h"\n',
            "src/python/types/list.c": '#include "python/trace.h"\n#include "python/types/families.h"\n',
            "src/cli/main.c": '#include "report/table.h"\n',
            "include/heapcore/heapcore.h": "#include <stddef.h>\nsize_t heapcore_count(void);\n",
        }), [])

    def test_an_include_of_a_later_folder_is_a_fault(self):
        self.assert_one_fault(
            {"src/image/core.c": '#include "base/error.h"\n#include "python/types.h"\n'},
            "src/image/core.c:2:", "python comes after image")

    def test_python_types_counts_as_python(self):
        self.assert_one_fault({"src/python/types/list.c": '#include "graph/graph.h"\n'}, "graph comes after python")

    def test_a_spelling_with_blanks_is_seen(self):
        self.assert_one_fault({"src/base/error.c": '  #  include "cli/main.h"\n'}, "src/base/error.c:1:")

    def test_angle_brackets_are_no_way_around(self):
        self.assert_one_fault(
            {"src/base/error.c": "#include <cli/main.h>\n", "src/cli/main.h": "\n"}, "write it with quotes")

    def test_dots_are_no_way_around(self):
        self.assert_one_fault({"src/base/error.c": '#include "../cli/main.h"\n'}, "name it from src/ on")
        self.assert_one_fault({"src/image/core.c": '#include "base/../cli/main.h"\n'}, "'..'")

    def test_a_bare_name_is_a_fault(self):
        self.assert_one_fault({"src/base/error.c": '#include "error.h"\n'}, 'name it from src/ on: "base/…"')

    def test_a_folder_that_the_design_does_not_know_is_a_fault(self):
        self.assert_one_fault({"src/util/misc.c": "\n"}, "src/util/misc.c", "not in one of the folders")

    def test_a_public_header_that_needs_another_one_first_is_a_fault(self):
        self.assert_one_fault(
            {"include/heapcore/heapcore.h": "size_t heapcore_count(void);\n"}, "does not compile alone", "size_t")

    def test_a_public_header_that_includes_a_private_one_is_a_fault(self):
        found = self.faults({
            "include/heapcore/heapcore.h": '#include "base/error.h"\n', "src/base/error.h": "\n"})
        self.assertIn("which is not public", found[0])


if __name__ == "__main__":
    unittest.main()
