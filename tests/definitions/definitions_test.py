#!/usr/bin/env python3
"""Heap definitions, in files and in plugins, against processes that know: fixtures/definitions describes the types of
fixtures/extension/shapes.c, definitions/ those of packages.

    python3 tests/definitions/definitions_test.py --heapcore BIN [--interpreter 3.12 ...] [--keep] [TEST ...]
"""
import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(HERE, "..", "truth"))
import cases
import compare
import dumping
import extension
import interpreters
import suites

DEFINITIONS = os.path.join(ROOT, "fixtures", "definitions")
SHAPES = os.path.join(DEFINITIONS, "shapes.heapdef")
HEAPCORE = None


def run(*arguments, environment=None, status=0):
    done = subprocess.run([HEAPCORE, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True, timeout=dumping.PATIENCE,
        env={**os.environ, **(environment or {})})
    if done.returncode != status:
        raise AssertionError("%s ended with %d:\n%s" % (" ".join(arguments), done.returncode, done.stderr))
    return done.stderr if status else done.stdout


def build_plugin(folder, source, name, *flags):
    built = os.path.join(folder, name)
    extension.run([os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-fPIC", "-shared", *flags,
        "-I", os.path.join(ROOT, "include"), source, "-o", built])
    return built


def build_shapes(interpreter, folder, *flags):
    include = extension.include_folder(interpreter)
    extension.run([os.environ.get("CC", "cc"), "-O2", "-fPIC", "-shared", "-w", *flags, "-I", include,
        os.path.join(extension.SOURCES, "shapes.c"), "-o", os.path.join(folder, "shapes.so")])


class Core:
    """A fixture's core, and what it told."""

    def __init__(self, interpreter, folder, fixture, *options):
        self.truth, self.path = dumping.abort_for_core(interpreter, fixture, folder, options)
        with open(self.truth + ".links") as file:
            self.links = json.load(file)

    def compare(self, *options):
        lines = dumping.heapcore_dump(HEAPCORE, [*options, self.path])
        return compare.compare([self.truth], lines, strays_of_c=True)

    def notes(self, *options, environment=None):
        """[type, count, cause] of the definitions that were not used."""
        report = json.loads(run("analyze", "--json", *options, self.path, environment=environment))
        return [[row["type"], row["count"], row["cause"]] for row in report.get("definitions", [])]

    def hows(self, *options, environment=None):
        """The ways in which the types of shapes are known."""
        dumped = run("dump", *options, self.path, environment=environment).splitlines()
        rows = [json.loads(line) for line in dumped if '"type":"shapes.' in line]
        return {(row["type"][len("shapes."):], row["how"]) for row in rows}

    def relations(self, *options):
        """(what, as told, as found)"""
        questions = ["iso(%d).byvia" % address for _, address, _ in self.links]
        answers = json.loads(run("query", "--json", *options, self.path, "--", *questions))
        for (what, _, told), answer in zip(self.links, answers):
            found = [row["name"] for row in answer["rows"]]
            yield what, sorted(told), sorted(ast.literal_eval("[%s]" % ", ".join(found)))


class DefinitionsTest(unittest.TestCase):
    """The same sentences for each interpreter."""

    interpreter = None
    keep = False
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-definitions-")
        if not cls.keep:
            cls.addClassCleanup(shutil.rmtree, cls.folder)
        try:
            build_shapes(cls.interpreter, cls.folder, "-g")
        except extension.CannotBuild as error:
            raise unittest.SkipTest(str(error))
        plugin = build_plugin(cls.folder, os.path.join(DEFINITIONS, "ring.c"), "ring.so")
        cls.options = ["--definitions", SHAPES, "--definitions", plugin]
        cls.core = Core(cls.interpreter, cls.folder, "defined.py", cls.folder)

    def test_types_of_an_extension_have_the_sizes_and_referents_that_the_process_told(self):
        comparison = self.core.compare(*self.options)
        self.assertFalse(comparison.failure_counts, comparison.failure_report())
        known = {}
        for address, (index, *_) in comparison.truth.objects.items():
            solid = comparison.truth.types[index].solid or ""
            if solid.startswith("shapes."):
                known.setdefault(solid, set()).add(comparison.dump.objects[address].how)
        self.assertEqual(12, len(known), known)
        self.assertEqual([], [each for each in known.items() if each[1] != {"definition"}])
        self.assertEqual([], self.core.notes(*self.options))

    def test_objects_are_referred_to_by_the_names_that_definitions_give(self):
        self.assertGreater(len(self.core.links), 30)
        for what, told, found in self.core.relations(*self.options):
            with self.subTest(what=what):
                self.assertEqual(told, found)


class OneInterpreterTest(unittest.TestCase):
    """What does not depend on the version: on the newest interpreter that can have extensions."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="heapcore-definitions-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for interpreter in filter(None, map(interpreters.find, reversed(interpreters.SUPPORTED))):
            try:
                build_shapes(interpreter, cls.folder, "-g0", "-s")
            except extension.CannotBuild:
                continue
            cls.bare = Core(interpreter, cls.folder, "defined.py", cls.folder)
            cls.whole_folder = os.path.join(cls.folder, "whole")
            os.mkdir(cls.whole_folder)
            build_shapes(interpreter, cls.whole_folder, "-g")
            cls.whole = Core(interpreter, cls.whole_folder, "defined.py", cls.whole_folder)
            return
        raise unittest.SkipTest("no interpreter that an extension can be built for")

    def write(self, text, name="own.heapdef"):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def cause(self, text, core=None):
        """Why the one definition is not used, without its path."""
        path = self.write(text)
        ((_, count, cause),) = (core or self.whole).notes("--definitions", path)
        self.assertGreater(count, 0)
        self.assertTrue(cause.startswith(path + ":"), cause)
        return cause[len(path) + 1:]

    def test_offsets_tell_as_much_where_there_is_no_debug_information(self):
        options = ["--definitions", os.path.join(DEFINITIONS, "shapes_by_offset.heapdef")]
        comparison = self.bare.compare(*options)
        for heading in comparison.failure_counts:
            self.assertNotRegex(heading, r"shapes\.(Pair|Triple|Table|Map|Chain)|Slotted|Free|Deeper")
        defined = {name for name, how in self.bare.hows(*options) if how == "definition"}
        self.assertEqual({"Pair", "Triple", "Table", "Map", "Chain"}, defined)
        wanted = {"right": [".right"], "cache": ["->cache"], "in both arrays": ["->fixed[1]", "[0]"],
            "value": ["['key of it']"], "key": [".keys()[1]"], "second": ["[1]"]}
        found = {what: relations for what, _, relations in self.bare.relations(*options)}
        self.assertEqual(wanted, {what: found[what] for what in wanted})

    def test_names_of_members_without_debug_information_are_told_as_the_cause(self):
        ways = self.bare.hows("--definitions", SHAPES)
        self.assertFalse([each for each in ways if each[1] == "definition"])
        notes = {name: (count, cause) for name, count, cause in self.bare.notes("--definitions", SHAPES)}
        self.assertEqual(11, len(notes))
        count, cause = notes["shapes.Pair"]
        self.assertEqual(5, count)
        self.assertRegex(cause, r"shapes\.heapdef:3: where are the members of struct PairObject\? no debug info for")

    def test_what_the_debug_information_contradicts_is_told_with_file_and_line(self):
        for text, cause in (
            ("type shapes.Pair\n struct NoObject\n field left", "1: there is no struct NoObject in the debug information of "
                + os.path.join(self.whole_folder, "shapes.so")),
            ("type shapes.Pair\n struct PairObject\n field middle", "1: struct PairObject has no member middle"),
            ("type shapes.Table\n struct TableObject\n\n field used", "4: used is no pointer"),
            ("type shapes.Table\n struct TableObject\n array items[used]", "3: items is a pointer: say *items"),
            ("type shapes.Table\n struct TableObject\n array *fixed[3]", "3: fixed is no pointer"),
            ("type shapes.Table\n struct TableObject\n array capacity[3]", "3: capacity is no array"),
            ("type shapes.Map\n struct MapObject\n array *store.entries[store]", "3: store is no number"),
            ("type shapes.Map\n struct MapObject\n size store", "1: the size counts store, which is no number"),
            ("block B\n struct node\ntype shapes.Tree\n struct TreeObject\n nested implementation of B",
                "5: implementation is a pointer: say *implementation"),
            ("block B\n struct nothing\ntype shapes.Tree\n struct TreeObject\n nested root of B",
                "1: there is no struct nothing in the debug information of "
                + os.path.join(self.whole_folder, "shapes.so")),
            ("type shapes.Pair\n struct TripleObject", "1: struct TripleObject has 72 bytes, but instances of the type only 64"),
            ("type shapes.Pair\n requires basicsize 8",
                "1: it is made for a basicsize of 8, and here it is 64: another version"),
            ("type shapes.Pair\n base shapes.Circle\ntype shapes.Circle\n base shapes.Pair",
                "1: its bases have no end: shapes.Circle"),
            ("type shapes.Pair\n base shapes.Nothing", "1: there is no definition of its base shapes.Nothing"),
        ):
            with self.subTest(text=text):
                self.assertEqual(cause, self.cause(text))

    def test_of_several_definitions_the_first_that_fits_counts(self):
        other = "type shapes.Pair\n requires basicsize 8\n"
        fits = "type shapes.Pair\n size 1000\n"
        for text, size in ((other + fits, 1000), (fits + "type shapes.Pair\n size 2000\n", 1000),
                ("type shapes.*\n size 3000\n" + fits, 3000), ("type s*s.P*r\n size 4000", 4000)):
            path = self.write(text)
            with self.subTest(text=text):
                self.assertEqual([], self.whole.notes("--definitions", path))
                dumped = run("dump", "--definitions", path, self.whole.path).splitlines()
                sizes = {json.loads(line)["size"] for line in dumped if '"type":"shapes.Pair"' in line}
                self.assertEqual({size + 16}, sizes)  # the collector's header

    def verified(self, *options):
        """{type: (objects, of these agreeing)} of the types of shapes that have definitions."""
        report = json.loads(run("analyze", "--verify", "--json", *options, self.whole.path))
        return {row["type"][len("shapes."):]: (row["sampled"], row["agreeing"]) for row in report["verification"]["rows"]
            if row["type"].startswith("shapes.") and row["how"] == "definition"}

    def test_the_types_own_code_agrees_with_what_is_right_and_not_with_what_is_wrong(self):
        right = self.verified("--definitions", SHAPES)
        self.assertLessEqual({"Pair", "Triple", "Table", "Map", "Chain", "Tree", "Row", "Labelled", "Made", "Forgetful"},
            right.keys())
        self.assertEqual({}, {name: counts for name, counts in right.items() if counts[0] != counts[1]})
        wrong = self.verified("--definitions", self.write("type shapes.Pair\n field @16\n field @40\n"))
        self.assertEqual({"Pair": (2, 0)}, wrong)

    def test_base_none_leaves_out_what_the_base_has(self):
        path = self.write("type shapes.Pair\n field @16\ntype shapes.Triple\n base none\n field @64\n")
        dumped = run("dump", "--definitions", path, self.whole.path).splitlines()
        rows = [json.loads(line) for line in dumped if '"type":"shapes.Triple"' in line]
        self.assertEqual([1], [len(row["referents"]) for row in rows])
        path = self.write("type shapes.Nobody\n field @24\ntype shapes.Triple\n base shapes.Nobody\n field @64\n")
        dumped = run("dump", "--definitions", path, self.whole.path).splitlines()
        rows = [json.loads(line) for line in dumped if '"type":"shapes.Triple"' in line]
        self.assertEqual([2], [len(row["referents"]) for row in rows])

    def test_directories_are_searched(self):
        text = "type shapes.Pair\n field @16\n"
        direct = os.path.dirname(self.write(text, "direct/a.heapdef"))
        self.write("no definition", "direct/README")
        configured = os.path.dirname(os.path.dirname(os.path.dirname(
            self.write(text, "config/heapcore/definitions/b.heapdef"))))
        home = os.path.join(self.folder, "home")
        self.write(text, "home/.config/heapcore/definitions/c.heapdef")
        for options, environment in (
            (["--definitions", direct], {}),
            ([], {"HEAPCORE_DEFINITIONS": "/:".replace("/:", direct + ":")}),
            ([], {"HEAPCORE_DEFINITIONS": os.path.join(direct, "a.heapdef")}),
            ([], {"XDG_CONFIG_HOME": configured}),
            ([], {"XDG_CONFIG_HOME": "", "HOME": home}),
        ):
            with self.subTest(options=options, environment=environment):
                found = self.whole.hows(*options, environment=environment)
                self.assertIn(("Pair", "definition"), found)
                self.assertNotIn(("Table", "definition"), found)
        self.assertNotIn(("Pair", "definition"), self.whole.hows())

    def test_definitions_that_lead_round_in_circles_come_to_an_end(self):
        plugin = self.write('''
            #include <heapcore/heapdef.h>
            static int endless(const struct heapdef_host *host, heapdef_object *object, void *state)
            {
                uint64_t word;
                (void)state;
                while (host->word(object, host->address(object), &word))
                    host->visit(object, host->address(object));
                return 1;
            }
            static const struct heapdef_type types[] = {{.name = "shapes.*", .traverse = endless}};
            HEAPDEF_EXPORT(types);
            ''', "endless.c")
        for path in (
            self.write("block O\n field @8\ntype shapes.*\n list *@8 of O next @8\n"),
            self.write("block O\n nested *@8 of O\n nested *@8 of O\n nested *@8 of O\ntype shapes.*\n nested *@8 of O\n",
                "tree.heapdef"),
            self.write("type shapes.*\n array *@8[@8]\n array *@8[0 - 1]\n array @8[1000000000 * 1000000000 * 1000000000]\n"
                " size 0 - 5\n", "counts.heapdef"),
            build_plugin(self.folder, plugin, "endless.so"),
        ):
            with self.subTest(path=path):
                started = time.monotonic()
                self.assertIn(("Pair", "definition"), self.whole.hows("--definitions", path))
                run("query", "--definitions", path, self.whole.path, "heap()[0].byvia")
                self.assertLess(time.monotonic() - started, 100)


class PackagesTest(unittest.TestCase):
    """The definitions that come with heapcore, where Debian's Python has the packages."""

    @classmethod
    def setUpClass(cls):
        cls.interpreter = interpreters.find(interpreters.DEBIAN)
        if not cls.interpreter:
            raise unittest.SkipTest("no %s here" % interpreters.DEBIAN)

    def check(self, package, kinds):
        if not extension.has_module(self.interpreter, package):
            self.skipTest("no %s here" % package)
        folder = tempfile.mkdtemp(prefix="heapcore-definitions-")
        self.addCleanup(shutil.rmtree, folder)
        core = Core(self.interpreter, folder, "defined_packages.py", package)
        comparison = core.compare()
        defined = {found.type for found in comparison.dump.objects.values() if found.how == "definition"}
        self.assertLessEqual(kinds, defined)
        self.assertEqual({}, {heading: count for heading, count in comparison.failure_counts.items()
            if heading.split(": ")[0] in defined or "how: definition" in heading}, comparison.failure_report())
        for address, (index, size, *_) in comparison.truth.objects.items():
            found = comparison.dump.objects.get(address)
            if found and found.how == "definition":
                self.assertEqual(size, found.size, found.type)
        self.assertEqual([], core.notes())
        for what, told, found in core.relations():
            with self.subTest(what=what):
                self.assertEqual(told, found)

    def test_numpy_is_known(self):
        self.check("numpy", {"numpy." + name for name in (
            "ndarray", "dtype[object_]", "dtype[void]", "void", "float64", "int8", "complex256", "datetime64", "str_",
            "bytes_", "flatiter", "broadcast", "matrix")})

    def test_multidict_is_known(self):
        self.check("multidict", {"multidict._multidict." + name for name in (
            "MultiDict", "CIMultiDict", "MultiDictProxy", "istr")})

    def test_frozenlist_is_known(self):
        self.check("frozenlist", {"frozenlist._frozenlist.FrozenList"})

    def test_lxml_is_known(self):
        self.check("lxml", {"lxml.etree." + name for name in ("_Element", "_ElementTree", "_Document")})


WRONG = (
    # text, line, cause
    ("type\n", 1, "the type's name is missing: say type MODULE.TYPE"),
    ("# nothing\n\ntype Pair\n", 3, "'Pair' is no name of a type: say MODULE.TYPE"),
    ("struct Pair\n", 1, "'struct' of what? A definition begins with 'type MODULE.TYPE'"),
    ("type a.B\nfeld left\n", 2, "there is no statement 'feld'; there are type, block, struct, base, requires, size, field, "
        "held, borrowed, array, nested, list, buffer and class"),
    ("type a.B\nfield left\n", 2, "'left' is a member of which struct? Say 'struct NAME' above, or give its place as @OFFSET"),
    ("type a.B\nfield @left\n", 2, "the offset in bytes is expected, not 'left'"),
    ("type a.B\nfield @16:3\n", 2, "a number has 1, 2, 4 or 8 bytes, not 3"),
    ("type a.B\nfield @16 right\n", 2, "'right' is one too many"),
    ("type a.B\nfield @16 as right\n", 2, "a relation is .NAME, ->NAME, [*], .keys()[*] or [MEMBER], not 'right'"),
    ("type a.B\nfield @16 as .\n", 2, "a name is expected after '.'"),
    ("type a.B\nfield @16 as [@24\n", 2, "']' is expected, not 'the end of the line'"),
    ("type a.B\nfield @99999999999999999999999\n", 2, "the number 99999999999999999999999 is too large"),
    ("type a.B\narray *@16\n", 2, "'[' is expected, not 'the end of the line'"),
    ("type a.B\narray *@16[@24\n", 2, "']' is expected, not 'the end of the line'"),
    ("type a.B\narray *@16[]\n", 2, "a member or @OFFSET is expected, not ']'"),
    ("type a.B\narray *@16[@24] of Pair\n", 2, "there is no block 'Pair' in this file"),
    ("block Pair\nfield @0\ntype a.B\narray *@16[2] of Pair\n", 4, "how long is a Pair? Its block needs a 'size' or a 'struct'"),
    ("block Pair\nsize 8\ntype a.B\narray *@16[2] of Pair as [*]\n", 4, "what the array refers to is named in block Pair"),
    ("block Pair\nsize 0\n", 2, "a block has at least one byte"),
    ("block Pair\nsize @8\n", 2, "the size in bytes is expected, not '@8'"),
    ("block Pair\nblock Pair\n", 2, "there is a block 'Pair' in line 1"),
    ("block Pair\nrequires basicsize 8\n", 2, "a block has no 'requires'; a type has"),
    ("block Pair\narray *@0[basicsize]\n", 2, "basicsize, itemsize and length are those of a type, and this is a block"),
    ("block Pair\nsize 8\ntype a.B\nlist *@16 of Pair\n", 4, "'next' is expected, not 'the end of the line'"),
    ("block Pair\nsize 8\ntype a.B\nlist *@16 of Pair next tail\n", 4,
        "'tail' is a member of which struct? Block Pair names none"),
    ("type a.B\nbuffer @16\n", 2, "'*' is expected, not '@16'"),
    ("type a.B\nstruct B\nstruct B\n", 3, "it has a struct: B"),
    ("type a.B\nsize 8\nsize 8\n", 3, "it has a size already"),
    ("type a.B\nsize 8 +\n", 2, "a member or @OFFSET is expected, not 'the end of the line'"),
    ("type a.B\nsize (8\n", 2, "')' is expected, not 'the end of the line'"),
    ("type a.B\nsize sizeof\n", 2, "sizeof is that of which struct? Say 'struct NAME' above"),
    ("type a.B\nsize %s8\n" % ("(" * 50), 2, "this expression is too deep"),
    ("type a.B\nsize %s8%s\n" % ("1+(" * 15 + "1+(" , ")" * 16), 2, "this expression is too deep"),
    ("type a.B\nbase\n", 2, "which base? Say base MODULE.TYPE or base none"),
    ("type a.B\nrequires size 8\n", 2, "'basicsize' is expected, not 'size 8'"),
    ("type a.B\nclass visited\n", 2, "'unvisited' is expected, not 'visited'"),
    ("type a.B\n\0\n", 2, "a NUL character: is this a file with definitions?"),
)


class ErrorsTest(unittest.TestCase):
    """What is wrong in a definition is said with its place, before the core is looked at."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="heapcore-definitions-")
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(content)
        return path

    def refuse(self, path):
        return run("analyze", "--definitions", path, "no-core", status=1)

    def test_each_mistake_in_a_file_is_told_with_file_line_and_cause(self):
        for text, line, cause in WRONG:
            with self.subTest(text=text):
                path = self.write("wrong.heapdef", text)
                self.assertEqual("heapcore: %s:%d: %s\n" % (path, line, cause), self.refuse(path))

    def test_a_file_that_is_no_definition_is_refused(self):
        missing = os.path.join(self.folder, "missing")
        self.assertEqual("heapcore: the definitions in %s cannot be read: No such file or directory\n" % missing,
            self.refuse(missing))
        self.assertEqual("heapcore: /dev/null is no file with definitions\n", self.refuse("/dev/null"))
        large = self.write("large.heapdef", "#" * (1 << 20) + "\n")
        self.assertEqual("heapcore: %s is too large for a file with definitions\n" % large, self.refuse(large))

    def test_a_directory_that_is_named_must_be_there(self):
        missing = os.path.join(self.folder, "missing")
        told = run("analyze", "no-core", environment={"HEAPCORE_DEFINITIONS": missing}, status=1)
        self.assertEqual("heapcore: the definitions in %s cannot be read: No such file or directory\n" % missing, told)

    def test_each_mistake_in_a_plugin_is_told(self):
        head = "#include <heapcore/heapdef.h>\n"
        types = "static const struct heapdef_type types[] = {{.name = \"%s\"}};\n"
        for content, cause in (
            ("", "it does not export heapdef_exports; does it have HEAPDEF_EXPORT(types) of heapcore/heapdef.h?"),
            (head + types % "a.B" + "const struct heapdef_exports heapdef_exports = {99, 1, types};",
                "it was built for version 99 of heapcore/heapdef.h, and this heapcore has version 1; build it again"),
            (head + "const struct heapdef_exports heapdef_exports = {HEAPDEF_ABI, 0, 0};", "it has no types"),
            (head + types % "B" + "HEAPDEF_EXPORT(types);", "its type number 0 has no name of the form MODULE.TYPE"),
        ):
            with self.subTest(content=content):
                source = self.write("plugin.c", content)
                path = build_plugin(self.folder, source, "plugin.so")
                self.assertEqual("heapcore: %s: %s\n" % (path, cause), self.refuse(path))

    def test_a_plugin_that_cannot_be_loaded_is_told_with_the_loaders_words(self):
        source = self.write("plugin.c", "int nowhere(void); int call(void); int call(void) { return nowhere(); }")
        path = build_plugin(self.folder, source, "plugin.so")
        self.assertRegex(self.refuse(path), r"^heapcore: \S+plugin.so: it cannot be loaded: .*undefined symbol: nowhere\n$")

    def test_what_is_no_shared_object_is_told(self):
        path = self.write("text.so", "type a.B\n")
        self.assertEqual("heapcore: %s: it is no shared object (no ELF file); a definition in text has another name than "
            "*.so\n" % path, self.refuse(path))

    def test_the_header_is_one_for_c_plus_plus(self):
        compiler = shutil.which("c++")
        if not compiler:
            self.skipTest("no C++ compiler")
        source = self.write("plugin.cc", "#include <heapcore/heapdef.h>\nstatic const heapdef_type types[] = {{\"a.B\", nullptr, "
            "nullptr, nullptr, nullptr, nullptr}};\nHEAPDEF_EXPORT(types);\n")
        path = os.path.join(self.folder, "plugin.so")
        extension.run([compiler, "-std=c++11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fPIC", "-shared", "-I",
            os.path.join(ROOT, "include"), source, "-o", path])
        self.assertIn("no-core", self.refuse(path))


class ManualTest(unittest.TestCase):
    def test_the_examples_of_the_manual_are_those_that_are_run_here(self):
        with open(os.path.join(ROOT, "docs", "definitions.md")) as file:
            manual = file.read()
        for name in ("shapes.heapdef", "ring.c"):
            with open(os.path.join(DEFINITIONS, name)) as file:
                example = "".join("    " + line if line.strip() else "\n" for line in file)
            self.assertIn(example, manual, name + " is not in docs/definitions.md as it is")

    def test_the_manual_tells_every_statement(self):
        with open(os.path.join(ROOT, "docs", "definitions.md")) as file:
            manual = file.read()
        for statement in WRONG[3][2].split("there are ")[1].replace(" and ", ", ").split(", "):
            self.assertRegex(manual, r"\| `%s\b" % statement)


def main():
    global HEAPCORE
    arguments = suites.parse(cases.argument_parser(__doc__))
    HEAPCORE = arguments.heapcore
    # What the user of this machine has is not to be met.
    os.environ["XDG_CONFIG_HOME"] = os.path.join(HERE, "nothing")
    os.environ.pop("HEAPCORE_DEFINITIONS", None)
    return suites.run(
        lambda _: [DefinitionsTest], arguments, interpreters.OLD + interpreters.SUPPORTED + (interpreters.DEBIAN,),
        also=[OneInterpreterTest, PackagesTest, ErrorsTest, ManualTest], heapcore=HEAPCORE, keep=arguments.keep)


if __name__ == "__main__":
    sys.exit(main())
