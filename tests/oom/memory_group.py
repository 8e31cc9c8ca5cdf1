"""A control group of the test's own that limits memory, where this machine lets us make one."""
import contextlib
import os
import time

OLD, NEW = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"


class NoGroup(Exception):
    """Says why there is none."""


def read(path):
    with open(path) as file:
        return file.read()


def write(path, text):
    with open(path, "w") as file:
        file.write(str(text))


class MemoryGroup:
    def __init__(self, path):
        self.path = path
        self.is_old = os.path.exists(os.path.join(path, "memory.limit_in_bytes"))

    def limit(self, number):
        write(os.path.join(self.path, "memory.limit_in_bytes" if self.is_old else "memory.max"), number)
        swap = os.path.join(self.path, "memory.memsw.limit_in_bytes" if self.is_old else "memory.swap.max")
        if os.path.exists(swap):  # or the kernel would swap in place of killing
            write(swap, number if self.is_old else 0)

    def usage(self):
        return int(read(os.path.join(self.path, "memory.usage_in_bytes" if self.is_old else "memory.current")))

    def taken(self):
        """Without what the kernel can take back."""
        known = dict(line.split() for line in read(os.path.join(self.path, "memory.stat")).splitlines())
        names = ("total_inactive_file", "total_active_file") if self.is_old else (
            "inactive_file", "active_file", "slab_reclaimable")
        return self.usage() - sum(int(known[name]) for name in names)

    def enter(self):
        """For preexec_fn."""
        write(os.path.join(self.path, "cgroup.procs"), 0)

    def kills(self):
        """How many processes the kernel killed here."""
        lines = read(os.path.join(self.path, "memory.oom_control" if self.is_old else "memory.events"))
        return int(dict(line.split() for line in lines.splitlines())["oom_kill"])

    def remove(self):
        for _ in range(200):
            try:
                return os.rmdir(self.path)
            except OSError:  # a killed process is still leaving
                time.sleep(0.05)
        os.rmdir(self.path)


def make(name):
    root = OLD if os.path.exists(os.path.join(OLD, "memory.usage_in_bytes")) else NEW
    path = os.path.join(root, "heapcore-%s-%d" % (name, os.getpid()))
    try:
        os.mkdir(path)
    except OSError as error:
        raise NoGroup("cannot make %s: %s" % (path, error.strerror)) from error
    group = MemoryGroup(path)
    if group.is_old or os.path.exists(os.path.join(path, "memory.max")):
        return group
    group.remove()
    raise NoGroup("%s has no memory controller for groups below it" % root)


@contextlib.contextmanager
def limited(name, number):
    """A group that may have `number` bytes; its processes have to end before it does."""
    group = make(name)
    try:
        group.limit(number)
        yield group
    finally:
        if os.path.exists(group.path):
            group.remove()
