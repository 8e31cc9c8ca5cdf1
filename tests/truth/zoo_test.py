#!/usr/bin/env python3
"""Every object of every type of C is in `heapcore dump` exactly as the process knew it.

    python3 tests/truth/zoo_test.py --heapcore BIN [--interpreter 3.12 ...] [--record FILE] [--keep] [TEST ...]

The strict comparison: no type may be known by words, no difference is tolerated. --record adds to a JSON file
which types were compared and in which way each is known: accuracy_table.py makes the table of docs/accuracy.md
of it. Exit status 77 when none of the interpreters asked for is there.
"""
import collections
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases
import extension
import suites


SOME = 60  # strays that C code keeps in a module's state which its m_traverse does not visit
FEW = 3  # blocks that C code uses as buffers, and that still hold the header of an object of before
MANY = 10**6  # … in tables of its own


class ZooTest(cases.DumpCase):
    record = {}  # of all tests: "interpreter": {"objects": …, "types": …}

    def compared(self, comparison):
        of_interpreter = self.record.setdefault(self.interpreter.name, {"version": None, "tests": {}})
        of_interpreter["version"] = comparison.truth.version
        ways = collections.defaultdict(collections.Counter)
        for address, (type_index, *_) in comparison.truth.objects.items():
            found = comparison.dump.objects.get(address)
            way = "missing" if found is None else found.how if found.size_exact else found.how + ", size unknown"
            ways[comparison.truth.types[type_index].solid][way] += 1
        of_interpreter["tests"][self._testMethodName] = {
            "objects": len(comparison.truth.objects),
            "differences": sum(comparison.failure_counts.values()),
            "types": {str(name): dict(counts) for name, counts in sorted(ways.items(), key=str)},
        }

    def test_every_type_that_the_standard_library_makes_in_c(self):
        self.check_abort("zoo_stdlib.py", strays_of_c=SOME, remains_of_c=FEW)

    def check_extension(self, name):
        try:
            extension.build(self.interpreter, self.folder, name)
        except extension.CannotBuild as error:
            self.skipTest(str(error))
        self.check_abort("zoo_extension.py", self.folder, name, remains_of_c=FEW,
            strays_of_c=MANY if name == "zoocython" else SOME)

    def test_types_of_an_extension_written_by_hand(self):
        self.check_extension("zooext")

    def test_types_of_an_extension_made_by_cython(self):
        self.check_extension("zoocython")

    def check_package(self, name):
        if not extension.has_module(self.interpreter, name):
            self.skipTest("no %s for %s" % (name, self.interpreter.name))
        self.check_abort("zoo_packages.py", name, strays_of_c=MANY, remains_of_c=FEW)

    def test_arrays_and_kin_of_numpy(self):
        self.check_package("numpy")

    def test_frames_and_kin_of_pandas(self):
        self.check_package("pandas")

    def test_trees_and_kin_of_lxml(self):
        self.check_package("lxml")


def main():
    parser = cases.argument_parser(__doc__)
    parser.add_argument("--record", metavar="FILE", help="write which types were compared, as JSON")
    arguments = suites.parse(parser)
    status = cases.run(ZooTest, arguments)
    if arguments.record:
        with open(arguments.record, "w", encoding="utf-8") as out:
            json.dump(ZooTest.record, out, indent=1, sort_keys=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
