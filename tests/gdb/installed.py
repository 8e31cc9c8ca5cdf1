"""What `cmake --install` puts in place: the library, its header and the plugin that finds it."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import driving
from driving import heapcore, make_core, run_gdb

HEADER = os.path.join(driving.HERE, "..", "..", "include", "heapcore", "heapcore.h")


def output_of(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more).stdout.decode()


def declared():
    """The functions of the header."""
    with open(HEADER) as file:
        text = re.sub(r"//.*", "", file.read())
    return set(re.findall(r"^HEAPCORE_API [^;(]*?(heapcore_\w+)\(", text, re.MULTILINE))


class InstalledTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="heapcore-gdb-installed-")
        self.addCleanup(shutil.rmtree, self.folder)

    def install(self, prefix, **environment):
        if not shutil.which("cmake"):
            self.skipTest("cmake is not installed")
        build = os.path.dirname(os.path.realpath(driving.OPTIONS.library))
        output_of("cmake", "--install", build, "--prefix", prefix, env=dict(os.environ, **environment))

    def check(self, root):
        core = make_core(self.folder)[1]
        plugin = os.path.join(root, "share", "heapcore", "gdb", "heapcore.py")
        answers = run_gdb(["py-heap h.count", "python import heapcore.library; print(heapcore.library.load().path)"],
            driving.INTERPRETER.executable, core, plugin=plugin, HEAPCORE_LIBRARY=None)
        self.assertEqual(answers[0], heapcore("query", core, "h.count"))
        self.assertEqual(os.path.realpath(answers[1].strip()), os.path.realpath(os.path.join(root, "lib", "libheapcore.so.1")))

    def test_the_plugin_finds_its_library(self):
        prefix = os.path.join(self.folder, "a prefix")
        self.install(prefix)
        self.check(prefix)
        self.assertTrue(os.path.exists(os.path.join(prefix, "include", "heapcore", "heapcore.h")))

    def test_it_may_be_put_elsewhere_first(self):
        self.install("/opt/heapcore", DESTDIR=self.folder)
        self.check(os.path.join(self.folder, "opt", "heapcore"))

    def test_the_library_shows_what_the_header_declares_and_nothing_else(self):
        symbols = {line.split()[-1] for line in output_of(
            "nm", "-D", "--defined-only", driving.OPTIONS.library).splitlines()}
        self.assertEqual({name for name in symbols if not name.startswith(("__asan", "__odr_asan"))}, declared())
        self.assertGreater(len(declared()), 25)

    def test_the_library_has_the_interface_s_version_in_its_name(self):
        with open(HEADER) as file:
            version = re.search(r"#define HEAPCORE_API_VERSION (\d+)", file.read()).group(1)
        dynamic = output_of("readelf", "-dW", driving.OPTIONS.library)
        self.assertIn("Library soname: [libheapcore.so.%s]" % version, dynamic)

    def test_the_header_is_c99_and_c_plus_plus(self):
        for compiler, language, standard in ("gcc", "c", "c99"), ("gcc", "c", "c17"), ("g++", "c++", "c++11"):
            if shutil.which(compiler):
                with self.subTest(language=standard):
                    output_of(compiler, "-x", language, "-std=" + standard, "-pedantic-errors", "-Wall", "-Wextra",
                        "-Werror", "-fsyntax-only", HEADER)
