#!/usr/bin/env python3
"""Processes out of the ordinary: `heapcore dump` against their own record.

    python3 tests/truth/odd_test.py --heapcore BIN [--interpreter 3.12 ...] [--keep] [TEST ...]

A forked child, interpreters with GIL and allocator of their own, programs that embed Python. Without
--interpreter, one of each design is enough. Exit status 77 when none is there.
"""
import glob
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases
import dumping
import extension
import interpreters
import suites

EMBEDDING = os.path.join(dumping.FIXTURES, "embedding", "embedding.c")

TWO_IN_ONE = """
import sys
sys.path.insert(0, %r)
sys.argv = ["two_interpreters.py", %r, "abort"]
import embedding, two_interpreters
two_interpreters.create_interpreter = lambda isolated: (None, lambda identifier, source: embedding.run(source))
two_interpreters.main()
"""
IN_GDB = "python import sys; sys.argv = ['leaky.py', %r, 'abort']; exec(open(%r).read())"


class OddTest(cases.DumpCase):
    names = ("3.6", "3.7", "3.9", "3.11", "3.12", "3.13", interpreters.DEBIAN)

    def core_of(self, command):
        """The kernel's core of a program that runs below the folder of the test."""
        if not dumping.kernel_writes_cores_here():
            self.skipTest("the kernel writes no core file here")
        done = subprocess.run(["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh", *command], cwd=self.folder,
            env=dumping.clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=dumping.PATIENCE)
        cores = glob.glob(os.path.join(glob.escape(self.folder), "core*"))
        self.assertEqual(1, len(cores), done.stdout.decode(errors="replace"))
        return cores[0]

    def build_embedding(self):
        """The program, linked with the interpreter's shared library."""
        ask = lambda variable: extension.ask(self.interpreter, "sysconfig.get_config_var(%r)" % variable)
        program, libraries = os.path.join(self.folder, "embedding"), ask("LIBDIR")
        try:
            extension.run(["gcc", "-I", extension.include_folder(self.interpreter), EMBEDDING, "-o", program,
                "-L", libraries, "-Wl,-rpath," + libraries, "-lpython" + ask("LDVERSION"), "-lm"])
        except (extension.CannotBuild, FileNotFoundError) as error:
            self.skipTest(str(error))
        return program

    def test_forked_child_has_its_parents_objects_and_its_own(self):
        self.check_abort("forked.py")

    def test_interpreter_with_its_own_gil_and_allocator(self):
        self.needs("3.12", "a GIL for each interpreter")
        truth, core = dumping.abort_for_core(self.interpreter, "two_interpreters.py", self.folder, ["isolated"])
        self.check(core, truth, truth + ".sub")

    def test_two_interpreters_in_a_program_that_embeds_python(self):
        if self.interpreter.root:
            self.skipTest("a program that is compiled here is not below the root")
        # Before, a tuple stays that nothing owns and whose item is gone: the dump has it as the process has.
        self.needs("3.8", "an orderly second interpreter")
        program = self.build_embedding()
        truth = os.path.join(self.folder, "truth.jsonl")
        source = TWO_IN_ONE % (dumping.FIXTURES, truth)
        self.check(self.core_of([program, source]), truth, truth + ".sub")

    def test_gdb_with_a_service_in_its_python(self):
        if self.interpreter.name != interpreters.DEBIAN or not shutil.which("gdb"):
            self.skipTest("gdb embeds the distribution's own Python")
        truth = os.path.join(self.folder, "truth.jsonl")
        leaky = os.path.join(dumping.FIXTURES, "leaky.py")
        path = "python import sys; sys.path.insert(0, %r)" % dumping.FIXTURES
        core = self.core_of(["gdb", "-nx", "-batch", "-ex", path, "-ex", IN_GDB % (truth, leaky)])
        self.check(core, truth)


if __name__ == "__main__":
    sys.exit(cases.run(OddTest, suites.parse(cases.argument_parser(__doc__))))
