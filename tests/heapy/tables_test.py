#!/usr/bin/env python3
"""The comparer itself, on made-up tables: what is equal, what has a reason, and what it must not let pass."""
import re
import unittest

import tables

STR, LIST, DICT, STRUCT, LATE = 0x10, 0x20, 0x30, 0x40, 0x50
TYPES = {STR: "str", LIST: "list", DICT: "dict", STRUCT: "_struct.Struct", LATE: "weakref.ReferenceType"}


class Made:
    """A process of five objects as heapy told of it, and a core in which heapcore classifies them as `ours` says."""

    def __init__(self, heapy, ours, edges=(), late=(), absent=(), unreachable=(), extra=()):
        self.ours = ours
        self.heapy = heapy
        header = {
            "version": "3.12.1 (main)", "late": list(late), "classes": [],
            "heap": {address: [to for source, to in edges if source == address] for address in TYPES},
        }
        dumped = [{"address": hex(address), "type": TYPES.get(address, "builtins.str"),
            "state": "tracked" if address in unreachable else "reachable",
            "how": "words" if address == STRUCT else "decoder"}
            for address in (*TYPES, *extra) if address not in absent]
        kinds = [("dict (no owner)" if name == "dict" else name, [address]) for address, name in TYPES.items()]
        self.objects = tables.Objects(header, dumped, [(name, [address]) for address, name in TYPES.items()], kinds)
        self.objects.extra_kinds, self.objects.static_dict_kinds = {"types.FrameType"}, {"dict of type"}

    def rows(self, addresses):
        names = [self.ours[address] for address in addresses]
        return [{"name": name, "count": names.count(name), "size": 8 * names.count(name)} for name in set(names)]

    def ask(self, statements):
        """Answers as heapcore would, for the few forms of statements that the comparer makes."""
        variables, answers = {"h": set(self.ours)}, []
        for statement in statements:
            made = re.match(r"(\w+) = (?:\1 \| )?idset\(\[(.*)\]\)", statement)
            if made:
                new = {int(one, 16) for one in made[2].split(", ") if one}
                variables[made[1]] = new | (variables[made[1]] if "|" in statement else set())
                continue
            left = variables["m" if statement.startswith("m.") else "h"]
            for name in re.findall(r" - (\w+)", statement):
                left = left - variables[name]
            answers.append({"rows": self.rows(left)})
        return answers

    def compare(self, expression="h.byrcs"):
        names = sorted(set(self.heapy.values()))
        members = [[address for address in self.heapy if self.heapy[address] == name] for name in names]
        rows = [{"name": name, "count": len(one), "size": 8 * len(one)} for name, one in zip(names, members)]
        heapy, ours = {"rows": rows, "members": members}, {"rows": self.rows(self.ours)}
        return tables.Table(expression, heapy, ours, self.objects, self.ask)


def by_relation(**changed):
    named = {"string": STR, "list": LIST, "struct": STRUCT, "late": LATE, "dict": DICT}
    return {**{address: "tuple" for address in TYPES}, **{named[key]: name for key, name in changed.items()}}


class TheComparer(unittest.TestCase):

    def assert_explained(self, made, reason, expression="h.byrcs"):
        table = made.compare(expression)
        self.assertEqual(table.unexplained, {})
        self.assertEqual(set(table.explained), {reason})
        self.assertGreater(table.explained_rows, 0)

    def assert_unexplained(self, made, expression="h.byrcs"):
        self.assertTrue(made.compare(expression).unexplained)

    def test_equal_tables_are_equal(self):
        table = Made(by_relation(), by_relation()).compare()
        self.assertEqual((table.equal, table.explained_rows, table.unexplained), (1, 0, {}))

    def test_a_string_that_only_heapcore_knows_as_a_key_is_explained(self):
        self.assert_explained(Made(by_relation(), by_relation(string="dict of module, tuple")), "string keys")

    def test_a_list_is_no_string_key(self):
        self.assert_unexplained(Made(by_relation(), by_relation(list="dict of module, tuple")))

    def test_a_key_that_heapy_does_visit_is_unexplained(self):
        made = Made(by_relation(), by_relation(string="dict (no owner), tuple"), edges=[(DICT, STR)])
        self.assert_unexplained(made)

    def test_a_member_that_traversal_leaves_out_is_explained(self):
        self.assert_explained(Made(by_relation(), by_relation(string="module, tuple")), "not visited")

    def test_a_referrer_that_nobody_can_account_for_is_unexplained(self):
        self.assert_unexplained(Made(by_relation(), by_relation(string="set, tuple")))

    def test_heapys_root_is_spelled_as_ours(self):
        self.assertEqual(tables.spelled("dict of module, guppy.heapy.heapyc.RootStateType, tuple"),
            "dict of module, hp.Root, tuple")
        self.assertEqual(tables.spelled("str, 'of a value'"), "str, 'of a value'")

    def test_an_object_of_heapys_as_referrer_is_explained(self):
        self.assert_explained(Made(by_relation(list="guppy.sets.setsc.MutNodeSet, tuple"), by_relation()), "heapy's own")

    def test_a_referrer_of_heapys_heap_that_heapcore_misses_is_unexplained(self):
        made = Made(by_relation(list="dict (no owner), tuple"), by_relation(), edges=[(DICT, LIST)])
        self.assert_unexplained(made)

    def test_a_referrer_outside_heapys_heap_is_of_the_moment(self):
        self.assert_explained(Made(by_relation(list="function, tuple"), by_relation()), "heapy's frames")

    def test_a_type_known_by_words_may_have_another_size(self):
        sizes = {address: "48" for address in TYPES}
        self.assert_explained(Made(sizes, {**sizes, STRUCT: "56"}), "by words", "h.bysize")

    def test_a_type_that_is_decoded_may_not(self):
        sizes = {address: "48" for address in TYPES}
        self.assert_unexplained(Made(sizes, {**sizes, LIST: "56"}), "h.bysize")

    def test_another_type_is_unexplained(self):
        self.assert_unexplained(Made(dict(TYPES), {**TYPES, LIST: "tuple"}), "h.bytype")

    def test_what_heapy_made_for_itself_may_be_gone(self):
        ours = {address: name for address, name in TYPES.items() if address != LATE}
        self.assert_explained(Made(dict(TYPES), ours, late=[LATE], absent=[LATE]), "heapy's own", "h.bytype")

    def test_nothing_else_may_be_gone(self):
        ours = {address: name for address, name in TYPES.items() if address != LIST}
        self.assert_unexplained(Made(dict(TYPES), ours, absent=[LIST]), "h.bytype")

    def test_what_only_words_lead_to_may_be_unreachable(self):
        ours = {address: name for address, name in TYPES.items() if address != STR}
        made = Made(dict(TYPES), ours, edges=[(STRUCT, STR)], unreachable=[STR])
        self.assert_explained(made, "by words", "h.bytype")
        self.assert_unexplained(Made(dict(TYPES), ours, edges=[(LIST, STR)], unreachable=[STR]), "h.bytype")

    def test_objects_that_heapy_does_not_reach_are_explained(self):
        self.assert_explained(Made(dict(TYPES), {**TYPES, 0x60: "str"}, extra=[0x60]), "beyond heapy", "h.bytype")

    def test_objects_that_no_dump_knows_are_unexplained(self):
        self.assert_unexplained(Made(dict(TYPES), {**TYPES, 0x60: "str"}), "h.bytype")

    def test_objects_that_change_places_are_noticed(self):
        heapy = {**by_relation(), STR: "list", LIST: "set"}
        self.assert_unexplained(Made(heapy, {**by_relation(), STR: "set", LIST: "list", DICT: "list"}))

    def test_a_named_member_where_heapy_has_no_name_is_explained(self):
        heapy, ours = {address: "'[0]'" for address in TYPES}, {address: "'[0]'" for address in TYPES}
        heapy[LIST], ours[LIST] = "", "'->args'"
        self.assert_explained(Made(heapy, ours), "named members", "h.byvia")
        ours[LIST] = "'.??'"
        self.assert_unexplained(Made({**heapy, LIST: "'.x'"}, ours), "h.byvia")

    def test_a_relation_of_roots_is_heapys_own_and_a_lost_attribute_is_not(self):
        links = {address: "'[0]'" for address in TYPES}
        self.assert_explained(Made({**links, LIST: "'.i0_modules', '[0]'"}, links), "heapy's own", "h.byvia")
        self.assert_unexplained(Made({**links, LIST: "'.left', '[0]'"}, links), "h.byvia")

    def test_paths_counted_twice_are_a_matter_of_three_thirteen(self):
        lines = "<... 52 more paths ...>", "<... 21 more paths ...>"
        self.assertTrue(tables.counted_twice((3, 13), *lines))
        self.assertFalse(tables.counted_twice((3, 12), *lines))
        self.assertFalse(tables.counted_twice((3, 13), *reversed(lines)))
        self.assertFalse(tables.counted_twice((3, 13), lines[0], " 3: hp.Root.x"))

    def test_long_sets_are_told_in_several_statements(self):
        statements = tables.idset(range(3 * tables.CHUNK))
        self.assertEqual(len(statements), 3)
        self.assertLess(max(map(len, tables.idset(range(2**63, 2**63 + tables.CHUNK)))), 1 << 16)


if __name__ == "__main__":
    unittest.main()
