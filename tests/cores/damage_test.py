#!/usr/bin/env python3
"""Cores of a crash in mid-operation, and of memory that C code wrote where it must not: the damage is counted, and all
the rest is as the process recorded it before.

    python3 tests/cores/damage_test.py --heapcore BIN [--interpreter 3.12 ...] [TEST ...]
"""
import atexit
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import dumping
import extension
import interpreters
import partial
import suites

NAMES = ("3.8", "3.11", "3.12", "3.13", interpreters.DEBIAN, "bullseye-3.9", *interpreters.NEW)
ALL_TESTS = ("3.8", "3.12", interpreters.DEBIAN)  # the others those whose subject differs between versions
PATIENCE = 300  # seconds
MEMORY = 1 << 20  # KiB
DAMAGE = ("being_collected", "collector_breaks", "bounded_sizes", "contradictory", "freed_referents",
    "damaged_referents", "unreadable_types", "untyped_objects", "damaged_pools", "unreadable_pools",
    "dangling_references", "unreadable_pointers")
FEW = 40  # objects of the functions under way when it crashed
FEW_BLOCKS = 5
INSTANCES = 7  # of each type that is damaged
BEFORE = 170  # keys of the growing dict
STACK = 8 << 20
RECURSIONS = 10000  # at least, that overflow it
UNREADABLE = ("ob_type", "tp_basicsize", "tp_base")  # fields without which a type is none
SPARE = ("tp_name", "tp_mro", "tp_subclasses")  # fields that instances can do without


class Crashed:
    """The core of one mode of fixtures/damage.py, and what heapcore says of it."""

    def __init__(self, test, mode):
        self.truth, self.core = dumping.abort_for_core(
            test.interpreter, "damage.py", test.folder, (mode, test.folder))
        with open(self.truth + ".victims") as file:
            self.victims = json.load(file)
        self.heapcore = test.heapcore
        self.report = json.loads(self.run("analyze", "--json"))
        self.losses = self.report["losses"]
        self.text = self.run("analyze", "--full").decode()

    def run(self, *arguments):
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as printed:
            process = subprocess.Popen(["timeout", str(PATIENCE), self.heapcore, *arguments, self.core],
                stdout=printed, stderr=said)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            printed.seek(0)
            if process.returncode or usage.ru_maxrss > MEMORY:
                raise AssertionError("%s: exit status %d, %d MiB, %s" % (
                    arguments, process.returncode, usage.ru_maxrss >> 10, said.read().decode(errors="replace")))
            return printed.read()

    def compare(self, *exempt):
        return partial.compare_partial(self.truth, self.run("dump").splitlines(), *map(self.addresses, exempt))

    def listed(self):
        return partial.compare.Dump(self.run("dump").splitlines()).objects

    def addresses(self, groups):
        return {address for group in groups for address in self.victims.get(group, ())}

    def damage(self):
        return {key: self.losses[key] for key in DAMAGE if self.losses[key]}


def build():
    """With the headers of any interpreter that has them."""
    folder = tempfile.mkdtemp(prefix="heapcore-damage-")
    atexit.register(shutil.rmtree, folder)
    for name in (interpreters.DEBIAN, *interpreters.SUPPORTED):
        found = interpreters.find(name)
        try:
            if found:
                return extension.build(found, folder, "damage")
        except extension.CannotBuild:
            continue
    raise unittest.SkipTest("no Python.h here, or no compiler")


class DamageTest(unittest.TestCase):
    heapcore = None
    interpreter = None

    built = None  # the module of fixtures/extension/damage.c, for all interpreters

    OF_EACH_VERSION = ("test_a_crash_while_the_collector_moves_what_is_unreachable",
        "test_a_crash_in_tp_dealloc_while_others_wait_for_theirs", "test_a_stack_overflow_in_python",
        "test_chains_of_frames_and_of_threads_that_run_in_a_circle",
        "test_memory_that_was_overwritten_is_counted_by_kind")

    def setUp(self):
        if self.interpreter.name not in ALL_TESTS and self._testMethodName not in self.OF_EACH_VERSION:
            self.skipTest("of %s only" % ", ".join(ALL_TESTS))
        if not dumping.kernel_writes_cores_here():
            self.skipTest("a crash wants the kernel's own core")
        if not DamageTest.built:
            DamageTest.built = build()
        self.folder = tempfile.mkdtemp(prefix="heapcore-damage-")
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(self.built, self.folder)
        if self.interpreter.root:  # where heapcore looks for what the process had in its folder
            seen = self.interpreter.root + self.folder
            shutil.copytree(self.folder, seen)
            self.addCleanup(shutil.rmtree, seen)

    def crash(self, mode):
        return Crashed(self, mode)

    def check_rest(self, crashed, lost=(), changed=(), renamed=()):
        comparison = crashed.compare(lost, changed, renamed)
        self.assertEqual({}, dict(comparison.failure_counts), comparison.failure_report())
        self.assertGreater(comparison.exact_objects, 10000)
        self.assertLess(len(comparison.ghosts), FEW, comparison.ghosts)
        return comparison

    def check_crash_in(self, crashed, *functions):
        """The report shows the way to the crash, through C and Python."""
        for function in functions:
            self.assertIn("in C: " + function, crashed.text)
        self.assertRegex(crashed.text, r'#\d+ +File ".*damage.py", line \d+, in main')

    def check_undamaged(self, mode, *functions, lost=(), changed=(), damage=()):
        """The crash left no object in disorder, but for what `damage` names, which it must."""
        crashed = self.crash(mode)
        self.check_crash_in(crashed, *functions)
        self.check_rest(crashed, lost, changed)
        self.assertEqual(set(damage), set(crashed.damage()), crashed.damage())
        return crashed

    def test_a_block_overrun_makes_free_abort(self):
        self.check_undamaged("overrun", "overrun")

    def test_a_write_to_a_freed_block_makes_malloc_crash(self):
        self.check_undamaged("write_after_free", "write_after_free")

    def test_a_crash_while_the_collector_subtracts_references(self):
        self.check_undamaged("subtract", "bomb_traverse", damage=["being_collected"])

    def test_a_crash_while_the_collector_moves_what_is_unreachable(self):
        self.check_undamaged("move", "bomb_traverse", damage=["being_collected"])

    def test_a_crash_while_the_collector_clears_garbage(self):
        crashed = self.crash("clear")
        self.check_crash_in(crashed, "bomb_clear")
        self.check_rest(crashed, lost=["dying"])

    def check_growing(self, mode, function):
        crashed = self.check_undamaged(mode, function, changed=["growing"])
        growing = crashed.victims["growing"][0]
        keys = crashed.listed()[growing].referents[1::2]
        count = len(keys)
        self.assertGreater(count, BEFORE)
        self.assertEqual(crashed.victims["bombs"][:count], keys)

    def test_a_crash_in_hash_of_a_key_of_a_growing_dict(self):
        self.check_growing("hash", "bomb_hash")

    def test_a_crash_in_the_comparison_of_a_key_of_a_growing_dict(self):
        self.check_growing("compare", "bomb_compare")

    def test_a_crash_in_tp_dealloc_while_others_wait_for_theirs(self):
        crashed = self.crash("drop")
        self.check_crash_in(crashed, "bomb_dealloc")
        self.check_rest(crashed, lost=["dying"], changed=["changed"])

    def is_full(self, crashed):
        """Does the report call it a stack overflow?"""
        process = json.loads(crashed.run("analyze", "--json"))["process"]
        self.assertEqual(process["signal"]["stack_overflow"], b": its stack is full\n" in crashed.run("analyze"))
        return process["signal"]["stack_overflow"]

    def check_full_stack(self, crashed):
        self.assertTrue(self.is_full(crashed))
        places = json.loads(crashed.run("memory", "--json"))["memory_places"]
        self.assertGreater(sum(row["bytes"] for row in places if row["category"] == "stack_used"), STACK * 0.9)

    def test_a_stack_overflow_in_c(self):
        self.check_full_stack(self.check_undamaged("overflow", "descend"))

    def test_a_stack_overflow_in_python(self):
        crashed = self.crash("recursion")
        self.check_rest(crashed, changed=["changed"])
        if interpreters.version_of(self.interpreter) < (3, 11):
            self.check_full_stack(crashed)
        else:  # Python's frames lie elsewhere
            self.assertFalse(self.is_full(crashed))
        self.assertLess(crashed.run("analyze").count(b"\n"), 150)
        self.assertGreater(int(re.search(r"the same line (\d+) more times", crashed.text)[1]), RECURSIONS)

    def test_chains_of_frames_and_of_threads_that_run_in_a_circle(self):
        crashed = self.crash("loops")
        self.check_rest(crashed)
        self.assertEqual({}, crashed.damage())
        threads = crashed.run("threads").decode()
        for frame in ("strike", "<lambda>"):
            self.assertEqual(1, len(re.findall(r"#\d+ .* in .*%s\n" % frame, threads)), threads)
        self.assertIn("the next frame was there before: the core is damaged", threads)
        self.assertEqual(1, threads.count("MainThread"))
        self.assertEqual(1, len(re.findall(r"in (Thread\.)?_bootstrap\n", threads)), threads)
        self.assertRegex(threads, "the list of threads .*damaged")

    def test_a_list_of_interpreters_that_leads_nowhere(self):
        crashed = self.crash("behead")
        self.check_rest(crashed)
        self.assertEqual({}, crashed.damage())
        self.assertTrue(crashed.losses["interpreters_broken"])
        self.assertRegex(crashed.text, r"\n  interpreters +their list is broken")
        self.assertRegex(crashed.run("analyze").decode(), r"the list of interpreters is\s+broken")
        self.assertRegex(crashed.run("threads").decode(), r"#\d+ .* in main\n")

    def test_memory_that_was_overwritten_is_counted_by_kind(self):
        crashed = self.crash("smash")
        listed = crashed.listed()
        lost, changed, untyped, misread = ["lost"], ["changed", "oversized"], 0, 0
        for field in UNREADABLE + SPARE + ("tp_flags", "tp_traverse", "tp_dict"):
            name = "instances of " + field
            instances = [listed[address] for address in crashed.victims[name] if address in listed]
            self.assertIn(len(instances), (0, INSTANCES), field)
            for found in instances:
                self.assertRegex(found.type, r"\A(__main__|builtins|\?)\.Smashed_%s\Z" % field)
            if field in SPARE:
                self.assertEqual(INSTANCES, len(instances), field)
            elif field in UNREADABLE:
                self.assertEqual([], instances, field)
            misread += INSTANCES if field not in UNREADABLE and not instances else 0
            lost += [] if instances else [name]
            changed += [name] if field in ("tp_traverse", "tp_flags") else []
            (changed if crashed.victims["type " + field][0] in listed else lost).append("type " + field)
        self.check_rest(crashed, lost, changed, ["instances of tp_dict", "instances of tp_flags"])
        uncounted, untyped = 5, 6
        expected = {
            "bounded_sizes": 7,
            "contradictory": 5,
            "collector_breaks": 12,
            "damaged_pools": len(set(crashed.victims["pools"])),
            "damaged_referents": uncounted + untyped + misread,
            "unreadable_types": len(UNREADABLE),
            "unreadable_pointers": 2,
        }
        damage = crashed.damage()
        # A few blocks that are no objects may look like one of such a type.
        self.assertIn(damage.pop("untyped_objects") - len(UNREADABLE) * INSTANCES, range(FEW_BLOCKS))
        self.assertGreater(damage.pop("dangling_references"), uncounted + untyped)
        self.assertEqual(expected, damage)
        self.assertLess(crashed.report["heap"]["size"], 10 << 20)
        for count in expected.values():
            self.assertRegex(crashed.text, r"\n  [a-z' ]+ +%d\b" % count)


def main():
    arguments = suites.parse(suites.argument_parser(__doc__, NAMES))
    return suites.run(lambda _: [DamageTest], arguments, NAMES, heapcore=arguments.heapcore)


if __name__ == "__main__":
    sys.exit(main())
