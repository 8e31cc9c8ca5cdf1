"""Compares a dump with what the process recorded before part of it was damaged or cut off."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import compare


class PartialTruth(compare.Truth):
    """Without the objects in `lost`, of which nothing is expected. Of those in `changed` the contents are not, of those
    in `renamed` the type's name. What can be reached through the lost and the changed alone need not be reached."""

    def __init__(self, path, lost=(), changed=(), renamed=()):
        super().__init__(path)
        self.types.append(compare.Type(0, None, None))
        for address in renamed:
            self.objects[address][0] = len(self.types) - 1
        self.lost, self.changed = set(lost), set(changed)
        certain = self.reached_without(self.lost | self.changed)
        for address in self.lost:
            for known in (self.objects, self.held, self.inline):
                known.pop(address, None)
        for address, (type_index, size, flags, referents) in self.objects.items():
            if address in self.changed:
                size, flags, referents = -1, flags & ~compare.GC, []
            if address not in certain:
                flags &= ~compare.REACHABLE
            left = [referent for referent in referents if referent not in self.lost]
            self.objects[address] = [type_index, size, flags, left]
        for address in self.changed & self.held.keys():
            del self.held[address]
        for address, held in self.held.items():
            self.held[address] = [referent for referent in held if referent not in self.lost]
        self.gone.clear()  # what was freed may have become something else on the way to the crash

    def reached_without(self, avoided):
        reached = set(self.roots)
        pending = list(reached)
        while pending:
            address = pending.pop()
            if address in avoided or address not in self.objects:
                continue
            found = {*self.objects[address][3], *self.held.get(address, ())} - reached
            reached |= found
            pending.extend(found)
        return reached


class PartialDump(compare.Dump):
    """Whose objects refer to those in `lost` no more."""

    def __init__(self, lines, lost=()):
        super().__init__(lines)
        lost = set(lost)
        for address, found in self.objects.items():
            if not lost.isdisjoint(found.referents):
                left = [referent for referent in found.referents if referent not in lost]
                self.objects[address] = found._replace(referents=left)


class PartialComparison(compare.Comparison):
    def check_referents_exist(self):
        """What was overwritten may refer to anything."""
        self.wild = 0
        known = self.dump.objects.keys() | self.dump.virtual.keys()
        for address, found in self.dump.objects.items():
            wild = [referent for referent in found.referents if referent not in known]
            self.wild += len(wild)
            if wild and address in self.truth.objects and address not in self.truth.changed:
                self.fail("%s: a referent is no object of the dump" % found.type, lambda: "%s of %s" % (
                    self.describe(wild[0]), self.describe(address)))

    def check_unrecorded(self):
        """What C code made of the damage, and on the way to the crash, is not known; it is counted."""
        known = self.truth.collected - compare.NOT_ALWAYS_LISTED
        self.ghosts = [found.type for address, found in self.dump.objects.items()
            if address not in self.truth.objects and address not in self.truth.lost and found.type in known]


def compare_partial(path, lines, lost=(), changed=(), renamed=()):
    return PartialComparison(PartialTruth(path, lost, changed, renamed), PartialDump(lines, lost))
