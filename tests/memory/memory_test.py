#!/usr/bin/env python3
"""Where the memory is: heapcore against a process that knows what it took, and what malloc and pymalloc say themselves.

    python3 tests/memory/memory_test.py --heapcore BIN [--interpreter V]... [TEST ...]
"""
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import cored
import dumping
import interpreters
import suites

NAMES = ("3.8", "3.11", "3.12", "3.13", "debian-3.11", "bullseye-3.9", "trixie-3.13", "sid-3.14")
PAGE = 4096
POOL = 1 << 14  # bytes, since 3.10


def segments(core):
    """(file offset, address, bytes in the file) of each PT_LOAD."""
    with open(core, "rb") as file:
        header = file.read(64)
        offset, size, count = *struct.unpack_from("<Q", header, 32), *struct.unpack_from("<HH", header, 54)
        file.seek(offset)
        table = file.read(size * count)
    whole = os.path.getsize(core)
    for i in range(count):
        kind, _, start, address, _, length = struct.unpack_from("<IIQQQQ", table, i * size)
        if kind == 1:
            yield start, address, max(0, min(length, whole - start))


def offset_of(core, address):
    return next(offset + address - start for offset, start, length in segments(core) if 0 <= address - start < length)


class Report:
    def __init__(self, heapcore, *target):
        done = subprocess.run([heapcore, "memory", "--json", *target], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=dumping.PATIENCE)
        if done.returncode != 0:
            raise AssertionError("heapcore memory ended with %d: %s" % (done.returncode, done.stderr.decode(errors="replace")))
        self.all = json.loads(done.stdout.decode())
        self.total = self.all["memory"]["total"]
        self.rows = {row["category"]: row for row in self.all["memory"]["rows"]}
        self.kinds = {row["type"]: row for row in self.all["memory_kinds"]}

    def bytes(self, *categories):
        return sum(self.rows[name]["bytes"] for name in categories if name in self.rows)

    def sum(self):
        return self.bytes(*self.rows)

    def places(self, category):
        return [row for row in self.all["memory_places"] if row["category"] == category]


class MemoryTest(cored.CoredCase):
    fixture = "memory.py"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.report = Report(cls.heapcore, cls.core)

    def assert_within(self, least, found, most):
        self.assertTrue(least <= found <= most, "%d is not from %d to %d" % (found, least, most))

    def damaged(self, *changes):
        """A copy of the core with (address, bytes) written into it."""
        copy = os.path.join(self.folder, "damaged")  # written over each time
        subprocess.run(["cp", "--sparse=always", self.core, copy], check=True)
        with open(copy, "r+b") as file:
            for address, what in changes:
                file.seek(offset_of(self.core, address))
                file.write(what)
        return copy

    def test_the_parts_add_up_to_what_the_core_holds(self):
        self.assertEqual(sum(length for _, _, length in segments(self.core)), self.report.total)
        self.assertEqual(self.report.total, self.report.sum())

    def test_tables_add_up_to_their_categories(self):
        report = self.report
        objects = report.bytes("objects", "tracked_objects", "stray_objects")
        self.assertEqual(objects, sum(row["bytes"] for row in report.all["memory_kinds"]))
        self.assertEqual(report.bytes("buffers", "data"), sum(row["buffers"] for row in report.all["memory_kinds"]))
        self.assertEqual(report.bytes("pymalloc_free"), sum(row["free_bytes"] for row in report.all["memory_pymalloc"]))
        for row in report.all["memory_malloc"]:
            parts = "owned other cached free top overhead not_walked".split()
            self.assertEqual(row["bytes"], sum(row[part] for part in parts), row)
        for category in "stack_used stack_unused module_data module_code files unknown".split():
            self.assertEqual(report.bytes(category), sum(row["bytes"] for row in report.places(category)), category)

    def test_nothing_of_a_whole_core_is_left_unwalked(self):
        self.assertEqual(0, self.report.bytes("pymalloc_not_walked", "malloc_not_walked", "other_allocator"))
        self.assertEqual("glibc", self.report.all["memory"]["allocator"])

    def test_native_blocks_are_found_by_size(self):
        found = {row["size"]: row["count"] for row in self.report.all["memory_chunks"]}
        for size, count in zip(self.truth["sizes"], self.truth["counts"]):
            # A word of the interpreter's may by chance still point to one: its owner, as far as anybody knows.
            self.assert_within(count - 2, found.get(size, 0), count)
        one = self.truth["sizes"][1]
        self.assertGreaterEqual(self.report.bytes("malloc_mapped"), self.truth["large"] - 2 * one)
        self.assertLess(self.report.bytes("malloc_mapped"), self.truth["large"] + (1 << 20))

    def test_each_thread_has_an_arena_with_its_blocks(self):
        others = [row["other"] for row in self.report.all["memory_malloc"] if row["address"]]
        self.assertEqual(3, len(others))
        for found, (_, taken) in zip(others, self.truth["threads"]):
            self.assert_within(taken - 2 * self.truth["sizes"][2], found, taken + 4096)

    def test_free_memory_is_what_malloc_says(self):
        info = self.truth["mallinfo"]
        free = self.report.bytes("malloc_free", "malloc_top")
        # mallinfo counts chunks on the fast lists as free; what is told of it was written after that.
        self.assert_within(info["fordblks"] - info["fsmblks"] - 8192, free, info["fordblks"] + 8192)
        heaps = self.report.all["memory_malloc"]
        size = sum(row["bytes"] for row in heaps)
        self.assert_within(info["arena"] - 8192 * len(heaps), size, info["arena"] + 8192 * len(heaps))
        self.assertGreaterEqual(self.report.bytes("malloc_free"), self.truth["freed"] * 0.5)

    def test_chunks_that_a_thread_keeps_for_later_are_not_in_use(self):
        self.assertGreaterEqual(self.report.bytes("malloc_cached"), self.truth["cached"])
        sizes = {row["size"] for row in self.report.all["memory_chunks"]}
        self.assertNotIn(self.truth["cached"] // 5, sizes)

    def test_bytearrays_and_arrays_own_their_data(self):
        for name in ("bytearray", "array.array"):
            count, size = self.truth[name.split(".")[0]]
            kind = self.report.kinds[name]
            self.assert_within(count, kind["count"], count + 5)
            # Up to an eighth more than is needed, the rest of a page for large ones, of 16 bytes for small ones.
            self.assert_within(size, kind["buffers"], size * 9 // 8 + count * 32 + 8 * PAGE)

    def test_mappings_belong_to_their_objects(self):
        self.assertEqual(self.truth["mapped"], self.report.kinds["mmap.mmap"]["buffers"])

    def test_what_nobody_knows_is_named_and_measured(self):
        rows = self.report.places("unknown")
        mapped = self.truth["raw"] + self.truth["untouched"]
        self.assert_within(mapped, self.report.bytes("unknown"), mapped + (1 << 20))
        self.assert_within(self.truth["untouched"], sum(row["zero"] for row in rows), self.truth["untouched"] + (1 << 20))

    def test_stacks_have_their_size_and_their_threads(self):
        for tid, _ in self.truth["threads"]:
            of_thread = [row for name in ("stack_used", "stack_unused") for row in self.report.places(name)
                if row["path"] == "thread %d" % tid]
            self.assertEqual(2, len(of_thread))
            # glibc takes the guard's page out of the stack's size, or puts it beside.
            self.assert_within(self.truth["stack"] - 2 * PAGE, sum(row["bytes"] for row in of_thread),
                self.truth["stack"] + 2 * PAGE)
        self.assertEqual(4, len(self.report.places("stack_used")))

    def test_blocks_of_objects_are_as_large_as_pymalloc_makes_them(self):
        kind = self.report.kinds["__main__.Sample"]
        count, size = self.truth["samples"], self.truth["sample"]
        self.assertEqual([count, count * -(-size // 16) * 16], [kind["count"], kind["bytes"]])

    def test_pymalloc_is_as_fragmented_as_it_says_itself(self):
        found = {row["size"]: row for row in self.report.all["memory_pymalloc"]}
        told = {int(size): numbers for size, numbers in self.truth["pymalloc"].items()}
        for size in told.keys() | found.keys():
            pools, used, free = told.get(size, (0, 0, 0))
            row = found.get(size, {"pools": 0, "used": 0, "free": 0})
            moved = abs(row["pools"] - pools) * (POOL // size)
            # What was told of it had to be made.
            self.assert_within(pools - 4, row["pools"], pools + 4)
            self.assert_within(used - 400, row["used"], used + 400)
            self.assert_within(free - 600 - moved, row["free"], free + 600 + moved)
        block = -(-self.truth["sparse"] // 16) * 16
        self.assertGreater(found[block]["free"], 0.8 * 10 * found[block]["pools"])
        self.assert_within(self.truth["kept_sparse"], found[block]["used"], self.truth["kept_sparse"] + 200)

    def test_a_smashed_chunk_costs_only_its_neighbourhood(self):
        row = next(row for row in self.report.all["memory_chunks"] if row["size"] == self.truth["sizes"][0])
        chunk = int(row["example"], 16) - 16
        for size in (0, 24, 1 << 62, 0xffffffffffffffff, 0x31, 0x100000001):
            report = Report(self.heapcore, self.damaged((chunk + 8, struct.pack("<Q", size))))
            self.assertEqual([self.report.total] * 2, [report.total, report.sum()], hex(size))
            self.assertGreater(report.bytes("malloc_not_walked"), 0, hex(size))

    def test_smashed_arenas_of_pymalloc_cost_only_themselves(self):
        address = min(int(row["example"], 16) for row in self.report.all["memory_chunks"])
        start = next(start for _, start, length in segments(self.core) if 0 <= address - start < length)
        report = Report(self.heapcore, self.damaged((start, b"\xff" * 65536)))
        self.assertEqual([self.report.total] * 2, [report.total, report.sum()])

    def test_the_report_is_the_same_each_time(self):
        for _ in range(8):  # by threads, which share their work as they come
            self.assertEqual(self.report.all, Report(self.heapcore, self.core).all)

    def test_a_copy_without_holes_gives_the_same_report(self):
        copy = os.path.join(self.folder, "damaged")
        subprocess.run(["cp", "--sparse=never", self.core, copy], check=True)
        self.assertEqual(self.report.all, Report(self.heapcore, copy).all)

    def test_what_is_cut_off_is_told_apart_from_what_was_not_dumped(self):
        copy = self.damaged()
        os.truncate(copy, os.path.getsize(copy) - 8 * PAGE)  # of the stack
        told = self.run_heapcore("memory", copy).stdout.decode()
        cut = self.report.total - Report(self.heapcore, copy).total
        self.assertIn("more were mapped: %d cut off, " % cut, told)
        self.assertNotIn("cut off", self.run_heapcore("memory", self.core).stdout.decode())

    def test_a_cut_core_adds_up_to_what_is_there(self):
        size = os.path.getsize(self.core)
        for share in (0.9, 0.6):
            copy = self.damaged()
            os.truncate(copy, int(size * share))
            try:
                report = Report(self.heapcore, copy)
            except AssertionError as error:
                self.assertIn("cut short", str(error))
                continue
            self.assertEqual(sum(length for _, _, length in segments(copy)), report.total)
            self.assertLess(report.total, self.report.total)
            self.assertEqual(report.total, report.sum())


class ArraysTest(cored.CoredCase):
    """NumPy's arrays, small and large, and those that only look into another's memory."""

    fixture = "arrays.py"

    @classmethod
    def setUpClass(cls):
        if subprocess.run([cls.interpreter.executable, "-c", "import numpy"], stderr=subprocess.DEVNULL).returncode:
            raise unittest.SkipTest("no numpy")
        super().setUpClass()
        cls.report = Report(cls.heapcore, cls.core)

    def assert_owns(self, name, count, size):
        kind = self.report.kinds[name]
        # What malloc or pymalloc rounds up: to a step of 16 bytes, of large ones to a page.
        self.assertTrue(size <= kind["buffers"] <= size + count * 32 + 8 * PAGE, (size, kind))
        return kind["count"]

    def test_an_array_owns_its_data_and_a_view_does_not(self):
        count, size = self.truth["owners"]
        self.assertGreaterEqual(self.assert_owns("numpy.ndarray", count, size), 2 * count + 2)  # numpy itself has some
        self.assertEqual(2, self.assert_owns("__main__.Derived", 1, self.truth["derived"]))

    def test_what_an_array_looks_into_is_its_owners(self):
        self.assert_owns("bytearray", 1, self.truth["bytearray"])
        self.assertEqual(self.truth["mapped"], self.report.kinds["mmap.mmap"]["buffers"])

    def test_the_core_adds_up(self):
        self.assertEqual(sum(length for _, _, length in segments(self.core)), self.report.total)
        self.assertEqual(self.report.total, self.report.sum())
        self.assertLess(self.report.bytes("malloc_other", "malloc_mapped", "unknown"), 1 << 20)


class EndedThreadsTest(cored.CoredCase):
    fixture = "ended_threads.py"

    def test_stacks_of_threads_that_have_ended_are_told(self):
        report = Report(self.heapcore, self.core)
        count, stack = self.truth["count"], self.truth["stack"]
        of_none = [row for row in report.places("stack_unused") if not row["path"]]
        self.assertEqual(count, len(of_none))
        for row in of_none:  # with the guard or without it
            self.assertTrue(abs(row["bytes"] - stack) <= 2 * PAGE, row)
        self.assertLess(report.bytes("unknown"), stack)
        self.assertEqual(report.total, report.sum())


class SparseTest(cored.CoredCase):
    """Holes of the core's file cost memory and time when they are read."""

    fixture = "sparse.py"

    def test_address_space_that_was_never_touched_is_counted_and_not_read(self):
        size = self.truth["size"]
        if os.stat(self.core).st_blocks * 512 > size // 2:
            self.skipTest("the core was written without holes")
        report = Report(self.heapcore, self.core)
        self.assertEqual(report.total, report.sum())
        self.assertGreaterEqual(report.rows["unknown"]["zero"], size - PAGE)
        self.run_heapcore("analyze", self.core)
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10, size // 2)


class LiveTest(unittest.TestCase):
    """The process itself, read while it waits."""

    interpreter = heapcore = None

    def test_a_live_process_adds_up_too(self):
        with tempfile.TemporaryDirectory(prefix="heapcore-memory-") as folder:
            with dumping.blocked(self.interpreter, "memory.py", folder) as (truth, process):
                report = Report(self.heapcore, "-p", str(process.pid))
                with open(truth) as file:
                    facts = json.load(file)
                self.assertTrue(dumping.goes_on(process))
        self.assertEqual(report.total, report.sum())
        self.assertEqual(facts["mapped"], report.kinds["mmap.mmap"]["buffers"])
        self.assertEqual(facts["samples"], report.kinds["__main__.Sample"]["count"])
        found = {row["size"]: row["count"] for row in report.all["memory_chunks"]}
        self.assertIn(found[facts["sizes"][0]], range(facts["counts"][0] - 2, facts["counts"][0] + 1))
        self.assertEqual(0, report.bytes("pymalloc_not_walked", "malloc_not_walked"))


class NoPymallocTest(unittest.TestCase):
    """Every object is a block of malloc's."""

    interpreter = heapcore = None

    def test_malloc_serves_all_objects_and_buffers(self):
        with tempfile.TemporaryDirectory(prefix="heapcore-memory-") as folder:
            truth, core = dumping.abort_for_core(self.interpreter, "memory.py", folder,
                environment={"PYTHONMALLOC": "malloc"})
            report = Report(self.heapcore, core)
            with open(truth) as file:
                facts = json.load(file)
        self.assertEqual(report.total, report.sum())
        self.assertEqual(0, report.bytes("pymalloc_free", "pymalloc_overhead", "malloc_not_walked"))
        mapped = facts["raw"] + facts["untouched"]
        self.assertTrue(mapped <= report.bytes("unknown") <= mapped + (1 << 20), report.rows["unknown"])
        kind = report.kinds["__main__.Sample"]
        # With the collector's head, in chunks of a multiple of 16 bytes, of which the header takes 8.
        block = -(-(facts["sample"] + 8) // 16) * 16 - 8
        self.assertEqual(facts["samples"], kind["count"])
        # A chunk is larger where what would be left of a free one is too small to be one.
        self.assertTrue(0 <= kind["bytes"] - facts["samples"] * block <= facts["samples"], kind)
        # Freed, between others that are kept: not all of it went to the next blocks.
        self.assertGreater(report.bytes("malloc_free"), 1 << 20)


class OtherAllocatorTest(unittest.TestCase):
    """A library that is known to bring a malloc of its own; this one has its name only."""

    interpreter = heapcore = None

    def test_another_allocator_is_named_and_what_may_be_its_is_told_apart(self):
        with tempfile.TemporaryDirectory(prefix="heapcore-memory-") as folder:
            library = os.path.join(folder, "libjemalloc.so.2")
            subprocess.run([os.environ.get("CC", "cc"), "-shared", "-x", "c", os.devnull, "-o", library], check=True)
            truth, core = dumping.abort_for_core(self.interpreter, "memory.py", folder,
                environment={"LD_PRELOAD": library})
            report = Report(self.heapcore, core)
            with open(truth) as file:
                facts = json.load(file)
        self.assertEqual("jemalloc", report.all["memory"]["allocator"])
        self.assertGreaterEqual(report.bytes("other_allocator"), facts["raw"] + facts["untouched"])
        self.assertEqual(0, report.bytes("unknown"))
        self.assertEqual(report.total, report.sum())


def cases_of(interpreter):
    if interpreter.name not in ("3.12", interpreters.DEBIAN):
        return [MemoryTest, EndedThreadsTest]
    arrays = [ArraysTest] if interpreter.name == interpreters.DEBIAN else []  # it has numpy
    return [MemoryTest, EndedThreadsTest, SparseTest, LiveTest, NoPymallocTest, OtherAllocatorTest, *arrays]


def main():
    arguments = suites.parse(suites.argument_parser(__doc__, NAMES))
    return suites.run(cases_of, arguments, NAMES)


if __name__ == "__main__":
    sys.exit(main())
