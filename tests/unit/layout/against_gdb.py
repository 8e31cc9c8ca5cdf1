#!/usr/bin/env python3
"""Layouts and symbols of every CPython of the testbed, held against what gdb makes of the same files.

Usage: against_gdb.py PROBE [FILE ...]. Without files: the libpythons of ~/.pyenv/versions and, where its debug
file is installed, /usr/bin/python3.N. Fails if there is none at all; prints which it covered.
"""
import collections
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

# Struct, and the source file that has it. gdb lists all members; two levels of nested ones.
STRUCTS = [
    ("PyObject", "Objects/object.c"), ("PyVarObject", "Objects/object.c"),
    ("PyTypeObject", "Objects/typeobject.c"), ("PyHeapTypeObject", "Objects/typeobject.c"),
    ("PyDictObject", "Objects/dictobject.c"), ("struct _dictkeysobject", "Objects/dictobject.c"),
    ("PyDictKeyEntry", "Objects/dictobject.c"), ("struct _dictvalues", "Objects/dictobject.c"),
    ("PyASCIIObject", "Objects/unicodeobject.c"), ("PyCompactUnicodeObject", "Objects/unicodeobject.c"),
    ("PyUnicodeObject", "Objects/unicodeobject.c"), ("PyListObject", "Objects/listobject.c"),
    ("PyTupleObject", "Objects/tupleobject.c"), ("PySetObject", "Objects/setobject.c"),
    ("PyLongObject", "Objects/longobject.c"), ("PyFloatObject", "Objects/floatobject.c"),
    ("PyBytesObject", "Objects/bytesobject.c"), ("PyByteArrayObject", "Objects/bytearrayobject.c"),
    ("PyFunctionObject", "Objects/funcobject.c"), ("PyCodeObject", "Objects/codeobject.c"),
    ("PyCellObject", "Objects/cellobject.c"), ("PyMethodObject", "Objects/classobject.c"),
    ("PyCFunctionObject", "Objects/methodobject.c"), ("PyModuleObject", "Objects/moduleobject.c"),
    ("PyGenObject", "Objects/genobject.c"), ("PyFrameObject", "Objects/frameobject.c"),
    ("struct _PyInterpreterFrame", "Python/ceval.c"), ("PyTracebackObject", "Python/traceback.c"),
    ("PyWeakReference", "Objects/weakrefobject.c"), ("PyMemoryViewObject", "Objects/memoryobject.c"),
    ("PyGC_Head", "Modules/gcmodule.c"), ("struct arena_object", "Objects/obmalloc.c"),
    ("struct pool_header", "Objects/obmalloc.c"), ("struct pyruntimestate", "Python/pylifecycle.c"),
    ("struct _is", "Python/pystate.c"), ("struct _ts", "Python/pystate.c"),
]

# Member paths that must be there: struct, path, unit, first and last minor version.
REQUIRED = [
    ("PyObject", "ob_refcnt", "Objects/object.c", 8, 13), ("PyObject", "ob_type", "Objects/object.c", 8, 13),
    ("PyTypeObject", "tp_name", "Objects/typeobject.c", 8, 13),
    ("PyTypeObject", "tp_flags", "Objects/typeobject.c", 8, 13),
    ("PyTypeObject", "tp_basicsize", "Objects/typeobject.c", 8, 13),
    ("PyTypeObject", "tp_dictoffset", "Objects/typeobject.c", 8, 13),
    ("PyTypeObject", "ob_base.ob_base.ob_type", "Objects/typeobject.c", 8, 13),
    ("PyHeapTypeObject", "ht_cached_keys", "Objects/typeobject.c", 8, 13),
    ("PyDictObject", "ma_keys", "Objects/dictobject.c", 8, 13),
    ("_dictkeysobject|PyDictKeysObject", "dk_nentries", "Objects/dictobject.c", 8, 13),
    ("_dictkeysobject|PyDictKeysObject", "dk_usable", "Objects/dictobject.c", 8, 13),
    ("PyASCIIObject", "state.kind", "Objects/unicodeobject.c", 8, 13),
    ("PyUnicodeObject", "_base._base.state.kind", "Objects/unicodeobject.c", 8, 13),
    ("PyListObject", "ob_item", "Objects/listobject.c", 8, 13),
    ("PyFrameObject|_frame", "f_localsplus", "Objects/frameobject.c", 8, 10),
    ("_PyInterpreterFrame", "localsplus", "Objects/frameobject.c", 11, 13),
    ("_PyInterpreterFrame", "localsplus[2]", "no/such/unit.c", 99, 99),
    ("_PyRuntimeState", "interpreters.head", "Python/pylifecycle.c", 8, 13),
    ("pyruntimestate", "interpreters.head", "Python/pystate.c", 8, 13),
    ("_is|PyInterpreterState", "ceval", "Python/pystate.c", 9, 13),
    ("PyInterpreterState", "gc.generations[2].head", "Python/pystate.c", 9, 13),
    ("_gc_runtime_state", "generations[2].head", "Modules/gcmodule.c", 8, 13),
    ("_ts|PyThreadState", "interp", "Python/pystate.c", 8, 13),
    ("arena_object", "address", "Objects/obmalloc.c", 8, 13),
]

# Symbols that must be there, and in which file, if gdb cannot tell them apart otherwise.
SYMBOLS = [
    ("_PyRuntime", None, 8, 13), ("PyType_Type", None, 8, 13), ("arenas", "Objects/obmalloc.c", 8, 11),
    ("subtype_traverse", "Objects/typeobject.c", 8, 13), ("interned", "Objects/unicodeobject.c", 8, 11),
]

# Run inside gdb, which has its own Python: an independent reading of the same debug information.
IN_GDB = r"""
import gdb, json

STRUCTS, SYMBOLS, STATICS, PATH = json.load(open(__QUESTIONS__))

def members(type, prefix, start, depth):
    for field in type.strip_typedefs().fields():
        if not hasattr(field, "bitpos"):
            continue
        inner = field.type.strip_typedefs()
        position = start + field.bitpos
        nested = inner.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION)
        if field.name:
            yield [prefix + field.name, position, field.bitsize, inner.sizeof]
        if nested and (depth or not field.name):
            yield from members(inner, prefix + field.name + "." if field.name else prefix, position,
                               depth - bool(field.name))

def address(expression):
    try:
        return int(gdb.parse_and_eval("(unsigned long)&" + expression))
    except gdb.error:
        return None

answer = {"structs": {}, "symbols": {}, "statics": []}
for name in STRUCTS:
    try:
        type = gdb.lookup_type(name)
    except gdb.error:
        continue
    answer["structs"][name] = [type.sizeof, list(members(type, "", 0, 2))]
for name in SYMBOLS:
    answer["symbols"][name] = address(name)
for name in STATICS:
    for symbol in gdb.lookup_static_symbols(name):
        if symbol.symtab and symbol.addr_class in (gdb.SYMBOL_LOC_STATIC, gdb.SYMBOL_LOC_BLOCK):
            value = symbol.value()
            answer["statics"].append([name, symbol.symtab.filename, int(value.address)])
json.dump(answer, open(PATH, "w"))
"""


def targets():
    found = sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/lib/libpython3.*.so.1.0")),
                   key=lambda path: [int(n) for n in re.findall(r"\d+", path)])
    for path in sorted(glob.glob("/usr/bin/python3.[0-9]*")):
        if not re.fullmatch(r".*/python3\.\d+", path):
            continue
        notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True).stdout
        build_id = re.search(r"Build ID: (\w\w)(\w+)", notes)
        if build_id and os.path.exists("/usr/lib/debug/.build-id/%s/%s.debug" % build_id.groups()):
            found.append(path)
    return [path for path in found if minor_version(path) >= 8]


def debug_file(path):
    """Where the symbols are: the file itself, or its separate debug file."""
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True).stdout
    build_id = re.search(r"Build ID: (\w\w)(\w+)", notes)
    separate = build_id and "/usr/lib/debug/.build-id/%s/%s.debug" % build_id.groups()
    return separate if separate and os.path.exists(separate) else path


def static_symbols(path):
    """(name, address) of every static, as it stands in the symbol table."""
    for line in subprocess.run(["nm", debug_file(path)], capture_output=True, text=True).stdout.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in "tdb":
            yield words[2], int(words[0], 16)


def repeated_statics(path):
    """Names that several source files use for statics of their own."""
    names = collections.Counter(name for name, _ in static_symbols(path))
    return [name for name, count in sorted(names.items()) if count > 1 and "." not in name]


def is_link_time_optimised(path):
    return any(".lto_priv." in name for name, _ in static_symbols(path))


def ask_gdb(path, statics):
    with tempfile.TemporaryDirectory() as directory:
        questions, answers, script = (os.path.join(directory, name) for name in ("q", "a", "script.py"))
        with open(questions, "w") as file:
            json.dump([[name for name, _ in STRUCTS], [name for name, _, _, _ in SYMBOLS], statics, answers], file)
        with open(script, "w") as file:
            file.write(IN_GDB.replace("__QUESTIONS__", repr(questions)))
        run = subprocess.run(["gdb", "-nx", "-batch", "-ex", "set debuginfod enabled off", "-x", script, path],
                             capture_output=True, text=True)
        if not os.path.exists(answers):
            raise AssertionError("gdb failed on %s: %s" % (path, run.stderr))
        with open(answers) as file:
            return json.load(file)


def ask_probe(path, questions):
    run = subprocess.run([PROBE, path], input="\n".join(questions) + "\n", capture_output=True, text=True)
    if run.returncode:
        raise AssertionError("the probe failed on %s: %s" % (path, run.stderr))
    answers = run.stdout.splitlines()
    assert len(answers) == len(questions), (len(answers), len(questions))
    return answers


def minor_version(path):
    return int(re.search(r"python3\.(\d+)", os.path.basename(path)).group(1))


class AgainstGdb(unittest.TestCase):
    def for_each_target(self, check):
        for path in FILES:
            with self.subTest(path):
                check(path, minor_version(path))

    def test_there_is_a_target(self):
        self.assertTrue(FILES, "no CPython with debug information found")
        self.assertGreater(len(repeated_statics(FILES[0])), 5)

    def test_every_member_is_where_gdb_sees_it(self):
        def check(path, minor):
            truth = ANSWERS[path]["structs"]
            self.assertGreater(len(truth), 28)
            questions, expected = [], []
            for name, unit in STRUCTS:
                if name not in truth:
                    continue
                if minor >= 13 and unit == "Modules/gcmodule.c":
                    unit = "Python/gc.c"
                size, members = truth[name]
                tag = name.replace("struct ", "")
                questions.append("field %s - %s" % (tag, unit))
                expected.append((0, 0, size))
                for member, position, bits, member_size in members:
                    questions.append("field %s %s %s" % (tag, member, unit))
                    expected.append((position, bits, member_size))
            self.assertGreater(len(questions), 500)
            for question, answer, (position, bits, size) in zip(questions, ask_probe(path, questions), expected):
                self.assertNotEqual(answer, "absent", question)
                offset, got_size, kind, bit_offset, bit_size = answer.split()
                self.assertEqual(8 * int(offset) + int(bit_offset), position, question)
                self.assertEqual(int(bit_size), bits, question)
                self.assertEqual(int(got_size), size, question)
            COVERED[path].append("%d members of %d structs" % (len(questions), len(truth)))
        self.for_each_target(check)

    def test_the_fields_that_heapcore_lives_on_are_there(self):
        def check(path, minor):
            questions = ["field %s %s %s" % entry[:3] for entry in REQUIRED]
            for answer, entry in zip(ask_probe(path, questions), REQUIRED):
                self.assertEqual(answer != "absent", entry[3] <= minor <= entry[4], (entry, answer))
        self.for_each_target(check)

    def test_symbols_are_where_gdb_sees_them(self):
        def check(path, minor):
            questions = ["symbol %s %s" % (name, unit or "-") for name, unit, _, _ in SYMBOLS]
            for answer, (name, _, first, last) in zip(ask_probe(path, questions), SYMBOLS):
                if first <= minor <= last:
                    expected = ANSWERS[path]["symbols"][name]
                    if expected is None:  # gdb does not know what link-time optimisation has renamed
                        expected, = [address for renamed, address in static_symbols(path)
                                     if re.fullmatch(re.escape(name) + r"\.lto_priv\.\d+", renamed)]
                    self.assertNotEqual(answer, "absent", name)
                    self.assertEqual(int(answer.split()[0]), expected, name)
                else:
                    self.assertEqual(answer, "absent", name)
        self.for_each_target(check)

    def test_statics_of_the_same_name_are_told_apart_by_file(self):
        def check(path, _):
            if is_link_time_optimised(path):  # unit.layout.symbols has a library of that kind
                COVERED[path].append("no repeated statics: gdb names the wrong files after link-time optimisation")
                return
            by_file = collections.defaultdict(set)
            for name, file, address in ANSWERS[path]["statics"]:
                if file.endswith(".c"):
                    by_file[name, "/".join(file.split("/")[-2:])].add(address)
            # A static within a function can stand beside one of the file: only one address a file is a question.
            truth = {key: addresses.copy().pop() for key, addresses in by_file.items() if len(addresses) == 1}
            self.assertGreater(len(truth), 10)
            keys = sorted(truth)
            for answer, key in zip(ask_probe(path, ["symbol %s %s" % key for key in keys]), keys):
                self.assertEqual(answer.split()[0], str(truth[key]), key)
            COVERED[path].append("%d repeated statics" % len(truth))
        self.for_each_target(check)


if __name__ == "__main__":
    PROBE, FILES = sys.argv[1], sys.argv[2:] or targets()
    ANSWERS = {path: ask_gdb(path, repeated_statics(path)[:200]) for path in FILES}
    COVERED = {path: [] for path in FILES}
    result = unittest.main(argv=sys.argv[:1], exit=False).result
    for path, what in COVERED.items():
        print("covered %s: %s" % (path, ", ".join(what) or "nothing"))
    sys.exit(not result.wasSuccessful())
