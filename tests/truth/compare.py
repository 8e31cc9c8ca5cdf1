"""Compares what `heapcore dump` says with what the process itself had recorded (fixtures/truth.py)."""
import collections
import json

GC, REACHABLE, STATEFUL, UNSETTLED = 1, 2, 4, 8  # as in fixtures/truth.py

# The types that heapcore knows exactly by decoders of its own, and with them all classes made of these.
# Names differ between versions: weakref.ReferenceType was called weakref before 3.12.
EXACT = {
    "builtins." + name
    for name in """
    object type int bool float complex str bytes bytearray tuple list dict set frozenset function cell method
    builtin_function_or_method builtin_method code frame generator coroutine async_generator module traceback
    slice range property staticmethod classmethod weakref weakproxy weakcallableproxy mappingproxy memoryview
    managedbuffer NoneType ellipsis NotImplementedType
    getset_descriptor member_descriptor method_descriptor wrapper_descriptor classmethod_descriptor
    method-wrapper
    iterator callable_iterator list_iterator list_reverseiterator tuple_iterator dict_keyiterator
    dict_valueiterator dict_itemiterator dict_reversekeyiterator dict_reversevalueiterator
    dict_reverseitemiterator dict_keys dict_values dict_items set_iterator range_iterator longrange_iterator
    str_iterator str_ascii_iterator bytes_iterator bytearray_iterator memory_iterator
    frozendict sentinel lazy_import
    """.split()
} | {
    "string.templatelib.Template",
    "string.templatelib.TemplateIter",
    "string.templatelib.Interpolation",
    "types.SimpleNamespace",
    "weakref.ReferenceType",
    "weakref.ProxyType",
    "weakref.CallableProxyType",
}

GUESSES = {"words", "dwarf"}  # ways that may be wrong, and say so

LARGEST = 64 << 20  # bytes: no fixture makes an object as large

MOST_HEADINGS = 30  # of failures are printed

TOLERATED_STRAYS = 10  # arguments of C functions under way

# Of collected types, but not always on the collector's lists.
NOT_ALWAYS_LISTED = {
    "builtins.tuple", "builtins.dict", "builtins.frame", "builtins.type", "builtins.ContextVar",
    "_contextvars.ContextVar",
}

# Those of them that only some versions have.
NOT_EVERYWHERE = {
    "string.templatelib.Interpolation",
    "string.templatelib.Template",
    "string.templatelib.TemplateIter",
    "builtins.dict_reverseitemiterator",
    "builtins.dict_reversekeyiterator",
    "builtins.dict_reversevalueiterator",
    "builtins.builtin_method",
    "builtins.frozendict",
    "builtins.lazy_import",
    "builtins.memory_iterator",
    "builtins.sentinel",
    "builtins.str_ascii_iterator",
    "builtins.weakref",
    "builtins.weakproxy",
    "builtins.weakcallableproxy",
    "weakref.ReferenceType",
    "weakref.ProxyType",
    "weakref.CallableProxyType",
}

Type = collections.namedtuple("Type", "address name solid")
Found = collections.namedtuple("Found", "type size refcount state how referents size_exact", defaults=[True])


class Truth:
    """What a process recorded: one file, or one for each of its interpreters."""

    def __init__(self, *paths):
        self.version = None  # "3.11.2"
        self.types = []
        self.objects = {}  # address: (type index, size, flags, referents)
        self.held = {}  # address: referents that an untraversed object holds at least
        self.inline = {}  # owner: values
        self.collected = set()  # names of types whose instances the collector knows
        self.roots = []  # sys.modules of each interpreter
        self.expected = []
        self.gone = set()
        for path in paths:
            self.read(path)

    def exact_types_missing(self):
        """The types to be known exactly of which no object was recorded."""
        seen = {self.types[index].solid for index, *_ in self.objects.values()}
        return sorted(EXACT - NOT_EVERYWHERE - seen)

    def read(self, path):
        first_type = len(self.types)
        count, end = 0, None
        held = {}
        with open(path, encoding="utf-8") as lines:
            for tag, *rest in json.loads("[" + ",".join(lines) + "]"):
                if tag == "o":
                    if not count:
                        self.roots.append(rest[0])
                    rest[1] += first_type
                    self.objects[rest[0]] = rest[1:]
                    count += 1
                elif tag == "t":
                    self.types.append(Type(*rest[1:]))
                elif tag == "g":
                    self.collected.add(rest[0])
                elif tag == "i":
                    held[rest[0]] = rest[1]
                elif tag == "v":
                    self.inline[rest[0]] = rest[1]
                elif tag == "s":
                    self.expected.append(rest)
                elif tag == "header":
                    self.version = rest[0]["version"]
                elif tag == "gone":
                    self.gone.update(rest[0])
                elif tag == "end":
                    end = rest[0]
        if end != count:
            raise ValueError("%s: the record broke off: %d objects, the end says %s" % (path, count, end))
        # Since 3.12 a static type has a dict in each interpreter: the first one's is what its fields lead to.
        self.held = {**held, **self.held}


class Dump:
    """The lines of `heapcore dump`. Faults of the dump in itself are kept in `faults`."""

    def __init__(self, lines):
        self.objects = {}
        self.virtual = {}
        self.faults = []
        for row in json.loads(b"[" + b",".join(lines) + b"]"):
            address = int(row["address"], 16)
            found = Found(
                row["type"],
                row["size"],
                row["refcount"],
                row["state"],
                row["how"],
                [int(referent, 16) for referent in row["referents"]],
                row.get("size_exact", True),
            )
            where = self.virtual if row.get("virtual") else self.objects
            if address in where:
                self.faults.append("%#x is dumped twice, as %s and %s" % (address, where[address].type,
                    found.type))
            where[address] = found
            if found.size > LARGEST:
                self.faults.append("%#x, as %s, has %d bytes" % (address, found.type, found.size))


class Comparison:
    """Failures by heading, each with examples; differences that are allowed are counted all the same. A strict
    comparison allows nothing but a size that the dump itself calls unknown, and words only for what the collector
    does not traverse: nobody can tell what that holds. One that is not is for dumps without the binaries."""

    def __init__(self, truth, dump, examples=3, strict=True, strays_of_c=TOLERATED_STRAYS,
            remains_of_c=0):
        self.strict = strict
        self.remains = 0
        self.remains_of_c = remains_of_c  # buffers of C code that may hold the header of an object of before
        self.strays_of_c = strays_of_c  # C code keeps so many in memory that no binary's data nor object leads to
        self.unknown_sizes = collections.Counter()
        self.truth = truth
        self.dump = dump
        self.examples = examples
        self.failures = collections.defaultdict(list)
        self.failure_counts = collections.Counter()
        self.certain = self.find_certain()
        self.behind_words = collections.Counter()
        self.held_by_words = collections.Counter()
        self.words = collections.Counter()
        self.words_size = collections.Counter()
        self.words_referents = collections.Counter()
        self.hows = collections.Counter(found.how for found in dump.objects.values())
        self.exact_objects = 0
        for fault in dump.faults:
            self.fail("the dump contradicts itself", fault)
        self.compare_objects()
        self.compare_untraversed()
        self.compare_inline_values()
        self.compare_expected()
        self.compare_gone()
        self.check_referents_exist()
        self.check_unrecorded()

    def find_certain(self):
        """What can be reached without passing an object that the dump knows by words only."""
        certain = set(self.truth.roots)
        pending = list(certain)
        while pending:
            address = pending.pop()
            known = self.truth.objects.get(address)
            found = self.dump.objects.get(address)
            if not known or not found or found.how in GUESSES or known[2] & STATEFUL:
                continue
            reached = set(known[3] or self.truth.held.get(address, ())) - certain
            certain |= reached
            pending.extend(reached)
        return certain

    def fail(self, heading, text):
        self.failure_counts[heading] += 1
        if len(self.failures[heading]) < self.examples:
            self.failures[heading].append(text() if callable(text) else text)

    def describe(self, address):
        found = self.dump.objects.get(address)
        known = self.truth.objects.get(address)
        if known:
            name = self.truth.types[known[0]].name
            return "%#x (%s%s)" % (address, name, "" if found else ", not in the dump")
        return "%#x (%s)" % (address, "dumped as " + found.type if found else "unknown to both")

    def describe_all(self, addresses):
        shown = ", ".join(self.describe(address) for address in addresses[:6])
        return shown + (", and %d more" % (len(addresses) - 6) if len(addresses) > 6 else "")

    def referents_differ(self, known, found):
        missing = list((collections.Counter(known) - collections.Counter(found)).elements())
        extra = list((collections.Counter(found) - collections.Counter(known)).elements())
        parts = ["%d expected, %d found" % (len(known), len(found))]
        if missing:
            parts.append("missing " + self.describe_all(missing))
        if extra:
            parts.append("extra " + self.describe_all(extra))
        return "; ".join(parts)

    def compare_objects(self):
        for address, (type_index, size, flags, referents) in self.truth.objects.items():
            type_ = self.truth.types[type_index]
            found = self.dump.objects.get(address)
            if found is None:
                self.fail("%s: not in the dump" % type_.name, lambda: "%#x, size %d" % (address, size))
                continue
            if type_.name is not None and found.type != type_.name:
                self.fail("%s: has another type" % type_.name,
                    lambda: "%#x is dumped as %s" % (address, found.type))
            if flags & REACHABLE and found.state != "reachable" and address not in self.certain and not self.strict:
                self.behind_words[type_.name] += 1
            elif flags & REACHABLE and found.state != "reachable":
                self.fail("%s: reachable, but dumped as %s" % (type_.name, found.state),
                    lambda: "%#x" % address)
            self.compare_contents(address, type_, size, flags, referents, found)

    def compare_contents(self, address, type_, size, flags, referents, found):
        exact = type_.solid in EXACT
        if not self.strict and (found.how in GUESSES or flags & STATEFUL):
            self.words[type_.name] += 1
            if size >= 0 and found.size != size:
                self.words_size[type_.name] += 1
            if flags & GC and sorted(referents) != sorted(found.referents):
                self.words_referents[type_.name] += 1
            if exact and not flags & STATEFUL:
                self.fail("%s: must be exact, but how is words" % type_.name, lambda: "%#x" % address)
            return
        self.exact_objects += 1
        if found.how in GUESSES and flags & GC:
            self.fail("%s: known by %s" % (type_.name, found.how), lambda: "%#x, a %s" % (address, type_.solid))
        elif found.how in GUESSES:
            self.held_by_words[type_.name] += 1
        if not found.size_exact:
            self.unknown_sizes[type_.name] += 1
        elif size >= 0 and not flags & UNSETTLED and found.size != size:
            self.fail(
                "%s: size differs (how: %s)" % (type_.name, found.how),
                lambda: "%#x: getsizeof says %d, the dump %d" % (address, size, found.size),
            )
        if flags & GC and referents != found.referents and sorted(referents) != sorted(found.referents):
            self.fail(
                "%s: referents differ (how: %s)" % (type_.name, found.how),
                lambda: "%#x: %s" % (address, self.referents_differ(referents, found.referents)),
            )

    def compare_untraversed(self):
        for address, held in self.truth.held.items():
            found = self.dump.objects.get(address)
            missing = set(held).difference(found.referents) if found else None
            if missing:
                self.fail("%s: does not lead to all that it holds" % found.type, lambda: "%s misses %s" % (
                    self.describe(address), self.describe_all(sorted(missing))))

    def compare_inline_values(self):
        referents = (found.referents for found in self.dump.virtual.values() if found.referents)
        virtual = collections.Counter(tuple(sorted(values)) for values in referents)
        inline = collections.Counter(tuple(sorted(values)) for values in self.truth.inline.values())
        for owner, values in self.truth.inline.items():
            if inline[tuple(sorted(values))] > virtual[tuple(sorted(values))]:
                self.fail("inline values without a virtual dict", lambda: "of %s: %s" % (
                    self.describe(owner), self.describe_all(values)))
        for values in (virtual - inline).elements():
            self.fail("a virtual dict that no instance has", lambda: self.describe_all(values))

    def compare_expected(self):
        for address, state, refcount, what in self.truth.expected:
            found = self.dump.objects.get(address)
            if found is None:
                self.fail("the fixture's %s: not in the dump" % what, "%#x, should be %s" % (address, state))
                continue
            if found.state != state:
                self.fail("the fixture's %s: should be %s" % (what, state),
                    "%#x (%s) is %s" % (address, found.type, found.state))
            if refcount is not None and found.refcount != refcount:
                self.fail("the fixture's %s: refcount" % what,
                    "%#x should have %d, has %d" % (address, refcount, found.refcount))

    def compare_gone(self):
        for address in self.truth.gone:
            found = self.dump.objects.get(address)
            if found and found.type != "builtins.frame":  # a code object keeps a freed one, up to 3.9
                self.fail("a freed object is dumped (%s)" % found.state, "%#x as %s" % (address, found.type))

    def check_referents_exist(self):
        known = self.dump.objects.keys() | self.dump.virtual.keys()
        for address, found in self.dump.objects.items():
            for referent in found.referents:
                if referent not in known:
                    self.fail("%s: a referent is no object of the dump" % found.type, lambda: "%s of %s" % (
                        self.describe(referent), self.describe(address)))

    def check_unrecorded(self):
        """The collector knew every object of a collected type, save those that it takes off its lists."""
        known = self.truth.collected - NOT_ALWAYS_LISTED
        strays = 0
        for address, found in self.dump.objects.items():
            if address in self.truth.objects:
                continue
            if found.type in known and found.state != "reachable" and self.remains < self.remains_of_c:
                self.remains += 1
            elif found.type in known:
                self.fail("%s: not an object that the process knew" % found.type,
                    "%#x is %s, %d bytes, refcount %d" % (
                    address, found.state, found.size, found.refcount))
            strays += found.state == "stray"
        if strays > len(self.truth.expected) + self.strays_of_c:
            self.fail("more strays than leaks", "%d" % strays)

    def unrecorded(self):
        """Objects in the dump that the process did not record: by type and state, most frequent first."""
        extra = collections.Counter()
        for address, found in self.dump.objects.items():
            if address not in self.truth.objects:
                extra[found.state, found.type] += 1
        return extra

    def report(self):
        lines = ["%d objects recorded, %d dumped (%s), %d compared exactly" % (
            len(self.truth.objects), len(self.dump.objects),
            ", ".join("%s %d" % pair for pair in self.hows.most_common()), self.exact_objects)]
        if self.remains:
            lines.append("remains of objects in buffers of C code: %d" % self.remains)
        if self.held_by_words:
            lines.append("not traversed, held by words: %d: %s" % (sum(self.held_by_words.values()),
                ", ".join("%s %d" % pair for pair in self.held_by_words.most_common(8))))
        if self.words:
            lines.append("words: %d objects of %d types, of these size differs in %d, referents differ in %d" % (
                sum(self.words.values()), len(self.words), sum(self.words_size.values()),
                sum(self.words_referents.values())))
        for title, counter in (("size", self.words_size), ("referents", self.words_referents)):
            if counter:
                lines.append("  %s: %s" % (title,
                    ", ".join("%s %d" % pair for pair in counter.most_common(8))))
        if self.unknown_sizes:
            lines.append("size not known, by the dump's own word: %d: %s" % (sum(self.unknown_sizes.values()),
                ", ".join("%s %d" % pair for pair in self.unknown_sizes.most_common(8))))
        if self.behind_words:
            lines.append("  reachable in truth, but only by way of words, and missed by them: %d: %s" % (
                sum(self.behind_words.values()),
                ", ".join("%s %d" % pair for pair in self.behind_words.most_common(8))))
        extra = self.unrecorded()
        lines.append("dumped but not recorded: %d" % sum(extra.values()))
        for state in ("reachable", "tracked", "stray"):
            top = [(name, count) for (where, name), count in extra.most_common() if where == state]
            if top:
                lines.append("  %s: %s" % (state, ", ".join("%s %d" % pair for pair in top[:8])))
        return "\n".join(lines)

    def failure_report(self):
        lines = []
        for heading, count in self.failure_counts.most_common(MOST_HEADINGS):
            lines.append("%s: %d" % (heading, count))
            lines.extend("    " + example for example in self.failures[heading])
        if len(self.failure_counts) > MOST_HEADINGS:
            lines.append("and %d more kinds of failure" % (len(self.failure_counts) - MOST_HEADINGS))
        return "\n".join(lines)


def compare(truth_paths, dump_lines, **options):
    return Comparison(Truth(*truth_paths), Dump(dump_lines), **options)
