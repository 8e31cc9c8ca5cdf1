"""heapy's tables against heapcore's: row by row, and where rows differ, object by object, with a reason.

A row is equal if both have it with the same name, count and size. For a row that is not, heapcore is asked how it
classifies just the objects that heapy put there (a flow leads from heapy's row to heapcore's), and which objects its
table has beyond heapy's. The row is explained if each of these has a reason that the record bears out, and if they
make up the whole difference; otherwise it is unexplained.
"""
import ast
import collections
import re

CHUNK = 2500  # addresses in a statement, which has at most 64 KiB
ROOT = "guppy.heapy.heapyc.RootStateType"
ROOT_LINK = re.compile(r"\.i\d+_")
KEYS = re.compile(r"(\.__dict__)?\.keys\(\)\[\d+\]$")

REASONS = {
    "heapy's own": "what heapy makes for itself, also as a referrer, and its Root, an object in a module of its own",
    "heapy's frames": "while heapy looks, frames and exceptions of its own, outside its heap, refer to what it uses",
    "string keys": "heapy does not see the keys of dicts with str keys only: CPython's traversal leaves them out",
    "not visited": "heapy follows CPython's traversal, which leaves this member out; heapcore knows it",
    "beyond heapy": "objects that only such references lead to, or roots that heapy does not look at: other threads' "
    "frames, caches of the interpreter, static types",
    "named members": "heapy knows no name for the way to refer; heapcore has the name of the C member",
    "twice": "since 3.13 heapy visits what a dict holds twice, and counts each path as often as its dicts make ways",
    "static types": "since 3.12 heapy takes the dict of a static built-in type for one without an owner",
    "code caches": "up to 3.10 code that runs often gets a cache, which counts; heapy's half of the process ran on",
    "by words": "a type that heapcore knows by words: size and references are approximate, as docs/accuracy.md says",
}

# What heapy's traversal leaves out, by the kind of the referrer: members that heapcore follows. Classes are among
# these, too: their names, and what else a traversal of CPython 2.4 did not know.
LEFT_OUT = {
    "module": "md_name", "range": "start, stop, step, length",
    "types.MemberDescriptorType": "d_name, d_qualname", "types.MethodDescriptorType": "d_name, d_qualname",
    "types.GetSetDescriptorType": "d_name, d_qualname", "types.WrapperDescriptorType": "d_name, d_qualname",
    "types.ClassMethodDescriptorType": "d_name, d_qualname", "types.BuiltinMethodType": "m_module",
}
MOMENTARY = {"types.FrameType", "types.TracebackType", "types.CellType", "AttributeError"}

STRINGS = {"str", "heapy_heap.StrLike"}
DICTS = {
    "collections.Counter", "collections.OrderedDict", "collections.defaultdict", "builtins.StgDict",
    "heapy_heap.DictLike",
}
CODE = "types.CodeType"


class Objects:
    """What the process recorded of its objects, and what `heapcore dump` says of them."""

    def __init__(self, header, dumped, type_rows, clodo_rows):
        self.version = tuple(map(int, re.match(r"(\d+)\.(\d+)", header["version"]).groups()))
        self.late = set(header["late"])  # made for itself by heapy after the split
        self.heap = {int(address): referents for address, referents in header["heap"].items()}
        self.dumped = {int(one["address"], 16): one for one in dumped if not one.get("virtual")}
        reachable = {address for address, one in self.dumped.items() if one["state"] == "reachable"}
        self.extra = reachable - self.heap.keys()  # heapcore reaches them, heapy does not
        self.lacking = self.heap.keys() - reachable
        self.type_of = by_object(type_rows)
        self.clodo_of = by_object(clodo_rows)
        self.metaclasses = {self.type_of[address] for address in header["classes"]}
        self.words = {self.type_of[address] for address in self.type_of
            if address in self.dumped and self.dumped[address]["how"] == "words"}
        self.referrers = collections.defaultdict(set)
        for address, referents in self.heap.items():
            for referent in referents:
                self.referrers[referent].add(address)

    def visited_from(self, address):
        """The kinds from which heapy's own traversal, in the process, leads to an object."""
        return {self.clodo_of.get(referrer) for referrer in self.referrers[address] - self.late}

    def held_by_words(self, address):
        return bool(self.referrers[address]) and all(self.type_of.get(one) in self.words or one in self.lacking
            for one in self.referrers[address])


def by_object(members_by_name):
    return {address: name for name, members in members_by_name for address in members}


def kinds(name):
    return set() if name == "<Nothing>" else set(name.split(", "))


def spelled(name):
    """A row's name as heapcore has it: heapy's Root is an object of a class."""
    return ", ".join(sorted("hp.Root" if kind == ROOT else kind for kind in name.split(", "))) if ROOT in name else name


def links(name):
    return set(ast.literal_eval("[%s]" % name))


def by_name(rows):
    merged = collections.defaultdict(lambda: [0, 0])
    for row in rows:
        merged[row["name"]][0] += row["count"]
        merged[row["name"]][1] += row["size"]
    return {name: tuple(sums) for name, sums in merged.items()}


def counted_twice(version, theirs, ours, shown=10):
    """Whether two lines tell of further paths, of which heapy counts an even multiple."""
    found = [re.fullmatch(r"<\.\.\. (\d+) more paths \.\.\.>", line or "") for line in (theirs, ours)]
    if version < (3, 13) or not all(found):
        return False
    first, second = (int(one[1]) + shown for one in found)
    return first > second and first % 2 == 0


def idset(addresses, name="m"):
    """Statements that leave the objects at addresses in a variable."""
    addresses = sorted(addresses)
    chunks = [addresses[i:i + CHUNK] for i in range(0, len(addresses), CHUNK)] or [[]]
    sets = ["idset([%s])" % ", ".join(map(hex, chunk)) for chunk in chunks]
    return ["%s = %s" % (name, sets[0])] + ["%s = %s | %s" % (name, name, one) for one in sets[1:]]


def relation_of(expression):
    found = re.search(r"\.(by[a-z]*(?:\('[^']*'\))?)$", expression)
    return found[1] if found else "byclodo"


Flow = collections.namedtuple("Flow", "source target count members")  # members: all that went the way of one part


class Table:
    """One table of both: how many rows are equal, which reasons explain others, and what is wrong with the rest."""

    def __init__(self, expression, heapy, heapcore, objects, ask):
        self.relation = relation_of(expression)
        self.objects = objects
        self.explained_rows = 0
        self.explained = collections.Counter()  # reason: rows it has a part in
        self.unexplained = {}
        self.reasons = collections.defaultdict(set)
        theirs, ours = by_name(heapy["rows"]), by_name(heapcore["rows"])
        different = {name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name)}
        self.equal = len(theirs.keys() | ours.keys()) - len(different)
        if different and heapy.get("members") is None:
            self.unexplained = {name: "differs, and the record does not tell its objects" for name in different}
        elif different:
            self.members = collections.defaultdict(list)
            for row, addresses in zip(heapy["rows"], heapy["members"]):
                self.members[row["name"]] += addresses
            flows, extra = self.ask_flows(expression, different, ask)
            if self.sums_of(theirs, flows, extra, different, ours)[1]:  # objects have changed places in an equal row
                flows, extra = self.ask_flows(expression, theirs.keys() | different, ask)
            self.explain(theirs, flows, extra, different, ours)

    def sums_of(self, theirs, flows, extra, different, ours):
        """(the objects that each row of heapcore's should have, the rows that have not)."""
        sums = collections.Counter({name: count for name, (count, _) in theirs.items()})
        for name, addresses in self.members.items():
            sums[name] -= len(addresses) - len(self.present(addresses))
        for flow in flows:
            sums[flow.source] -= flow.count
            sums[flow.target] += flow.count
        for row in extra:
            sums[row["name"]] += row["count"]
        return sums, [name for name in different if sums[name] != ours.get(name, (0, 0))[0]]

    def explain(self, theirs, flows, extra, different, ours):
        self.leave_absent()
        for flow in flows:
            if flow.source != flow.target:
                self.follow(flow)
        for row in extra:
            strange = self.strange.get(row["name"], (0, 0))[0]
            self.blame(row["name"], None if strange else "beyond heapy",
                "%d objects more, which heapy has elsewhere" % strange)
        sums, wrong = self.sums_of(theirs, flows, extra, different, ours)
        for name in wrong:
            self.blame(name, None, "the numbers do not add up: %d objects instead of %d" % (
                ours.get(name, (0, 0))[0], sums[name]))
        for name in different:
            self.judge(name, ours)

    def present(self, addresses):
        """Those that are in the core and, as its tables have only such, reachable."""
        objects = self.objects
        return [address for address in addresses if address in objects.dumped and address not in objects.lacking]

    def ask_flows(self, expression, names, ask):
        everything = [address for addresses in self.members.values() for address in addresses]
        statements = idset(self.present(everything), "all") + idset(self.objects.extra, "x")
        statements += ["(%s) - all" % expression, "((%s) - all) - x" % expression]
        sources = [(name, part) for name in sorted(names) for part in self.parts(name)]
        for _, part in sources:
            statements += idset(part) + ["m.%s" % self.relation]
        extra, strange, *answers = ask(statements)
        self.strange = by_name(strange["rows"])
        flows = [Flow(name, target, count, part)
            for (name, part), answer in zip(sources, answers)
            for target, (count, _) in by_name(answer["rows"]).items()]
        return flows, extra["rows"]

    def parts(self, name):
        """The objects of heapy's row, divided by what reasons depend on: their type, and which of the row's kinds of
        referrers no object of heapy's heap accounts for."""
        parts = collections.defaultdict(list)
        for address in self.present(self.members[name]):
            momentary = kinds(name) - self.objects.visited_from(address) if self.relation == "byrcs" else ()
            parts[self.sort_of(address), frozenset(momentary)].append(address)
        return parts.values()

    def sort_of(self, address):
        name = self.objects.type_of.get(address)
        return name == "types.NoneType", name in STRINGS, name in self.objects.words, name == CODE

    def leave_absent(self):
        """Objects that are no longer there, or that the core does not reach."""
        for name, addresses in self.members.items():
            for address in set(addresses) - set(self.present(addresses)):
                if address not in self.objects.dumped:
                    reason, what = "heapy's own" if address in self.objects.late else None, "in the core"
                else:
                    reason, what = "by words" if self.objects.held_by_words(address) else None, "reachable"
                self.blame(name, reason, "an object is not " + what)

    def follow(self, flow):
        apart = links if self.relation == "byvia" else kinds
        more, less = (", ".join(sorted(one - other)) for one, other in (
            (apart(flow.target), apart(flow.source)), (apart(flow.source), apart(flow.target))))
        for reason in self.flow_reasons(flow):
            for name in (flow.source, flow.target):
                self.blame(name, reason, "%d objects: here %r, in heapy %r" % (flow.count, more, less))

    def link_reasons(self, flow):
        """Of rows by ways to refer, where both have the same objects with other ways."""
        more, less = links(flow.target) - links(flow.source), links(flow.source) - links(flow.target)
        reasons = {self.reason_for_link(link, flow) for link in more}
        for link in less:
            momentary = link.startswith((".f_", "->f_", ".tb_"))
            reasons.add("heapy's own" if ROOT_LINK.match(link) else "heapy's frames" if momentary else None)
        return reasons

    def reason_for_link(self, link, flow):
        strings = all(self.objects.type_of.get(address) in STRINGS for address in flow.members)
        if strings and KEYS.match(link):
            return "string keys"
        if link.startswith("->") or link == ".??":
            return "named members" if not links(flow.source) or link != ".??" else None
        return None

    def flow_reasons(self, flow):
        if self.relation == "byvia":
            return self.link_reasons(flow)
        if self.relation == "byrcs":
            more, less = kinds(flow.target) - kinds(flow.source), kinds(flow.source) - kinds(flow.target)
            return {self.reason_for_more(kind, flow.members) for kind in more} | {
                self.reason_for_less(kind, flow) for kind in less}
        types = {self.objects.type_of.get(address) for address in flow.members}
        if self.relation in ("bysize", "by('Type&Size')"):
            cached = types == {CODE} and self.objects.version < (3, 11)
            return {"by words" if types <= self.objects.words else "code caches" if cached else None}
        if flow.source == "dict (no owner)" and flow.target.startswith("dict of "):
            return {"static types"}
        return {None}

    def reason_for_more(self, kind, members):
        """Why heapcore has a kind of referrers that heapy has not."""
        objects = self.objects
        if kind in objects.words:
            return "by words"
        if kind == "hp.Root" and {objects.type_of.get(address) for address in members} == {"types.NoneType"}:
            return "heapy's frames"  # None stands for the exception that a thread handles, if it handles none
        if kind.startswith("dict of ") and self.relation == "byrcs" and self.dicts_moved(kind, members):
            return "static types"
        if any(kind in objects.visited_from(address) for address in members):
            return None
        strings = all(objects.type_of.get(address) in STRINGS for address in members)
        if strings and (kind.startswith("dict ") or kind in DICTS):
            return "string keys"
        if kind in LEFT_OUT or kind in objects.metaclasses:
            return "not visited"
        return "beyond heapy" if kind in objects.extra_kinds | {"types.FrameType"} else None

    def dicts_moved(self, kind, members):
        return kind in self.objects.static_dict_kinds and any(
            "dict (no owner)" in self.objects.visited_from(address) for address in members)

    def reason_for_less(self, kind, flow):
        """Why heapy has a kind of referrers that heapcore has not."""
        if kind.startswith("guppy."):
            return "heapy's own"
        if kind in MOMENTARY:
            return "heapy's frames"
        if kind in self.objects.words:
            return "by words"
        if kind == "dict (no owner)" and kinds(flow.target) & self.objects.static_dict_kinds:
            return "static types"
        seen = any(kind in self.objects.visited_from(address) for address in flow.members)
        return None if seen else "heapy's frames"

    def judge(self, name, ours):
        if not self.reasons[name]:
            types = {self.objects.type_of.get(address) for address in self.members[name]}
            cached = CODE in types and self.objects.version < (3, 11)
            self.blame(name, "by words" if types & self.objects.words else "code caches" if cached else None,
                "has another size, %d" % ours.get(name, (0, 0))[1])
        if None not in self.reasons[name]:
            self.explained_rows += 1
            self.explained.update(self.reasons[name])

    def blame(self, name, reason, what):
        self.reasons[name].add(reason)
        if reason is None:
            self.unexplained.setdefault(name, what)


