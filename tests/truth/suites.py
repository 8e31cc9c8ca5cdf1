"""One suite of the same tests under each interpreter that is asked for, and its command line."""
import argparse
import os
import unittest

import interpreters

NONE_FOUND = 77  # ctest: skipped


def argument_parser(description, names):
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--heapcore", required=True, help="the program under test")
    parser.add_argument("--interpreter", action="append", choices=names, help="default: all")
    parser.add_argument("tests", nargs="*", help="names of tests, or parts of them")
    return parser


def parse(parser, *programs):
    """The arguments; --heapcore, and those among `programs`, are absolute paths of what can be run."""
    arguments = parser.parse_args()
    for name in ("heapcore", *programs):
        path = os.path.abspath(getattr(arguments, name))
        if not os.access(path, os.X_OK):
            parser.error("%s is no program: build it first" % path)
        setattr(arguments, name, path)
    return arguments


def for_interpreter(case, interpreter, **members):
    name = "%s_%s" % (case.__name__, interpreter.name.replace(".", "_").replace("-", "_"))
    return type(name, (case,), dict(members, interpreter=interpreter))


def run(cases_of, arguments, names, also=(), **members):
    """Runs those tests that are asked for: of cases_of(interpreter), which get the members, and of the cases in `also`,
    which need no interpreter. Returns the exit status."""
    found, missing = interpreters.cover(arguments.interpreter or names)
    if missing and interpreters.must_have_all():
        return 1
    members["heapcore"] = arguments.heapcore
    cases = [for_interpreter(case, each, **members) for each in found for case in cases_of(each)]
    suite = unittest.TestSuite()
    for case in [*cases, *also]:
        for test in unittest.defaultTestLoader.loadTestsFromTestCase(case):
            if not arguments.tests or any(part in test.id() for part in arguments.tests):
                suite.addTest(test)
    if not suite.countTestCases():
        return NONE_FOUND
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1
