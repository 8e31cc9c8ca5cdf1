"""The work of emit-layouts.sh."""
import glob
import os
import re
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "truth"))
import dumping
import interpreters

# Loads what has structs of its own, so that they are asked for.
PROGRAM = "import asyncio, collections, decimal, threading, tracemalloc, os; os.abort()"


def find_one(name):
    if ":" in name:
        root, executable = name.split(":")
        return interpreters.Interpreter(name, executable, root)
    return interpreters.Interpreter(name, name) if "/" in name else interpreters.find(name)


def find(names):
    """Interpreters by name or path; all that are here, if there are no names."""
    if names:
        return list(map(find_one, names))
    found = [i for i in map(interpreters.find, interpreters.ALL) if i]
    known = {os.path.realpath(i.executable) for i in found if not i.root}
    for root in interpreters.pyenv_roots():
        for path in sorted(glob.glob(os.path.join(root, "versions", "3.*", "bin", "python3"))):
            if os.path.realpath(path) not in known:
                found.append(interpreters.Interpreter(path, path))
    return found


def dump(interpreter, folder):
    command = [*dumping.enter(interpreter, folder), interpreter.executable, "-c", PROGRAM]
    subprocess.run(command, cwd=folder, env=dumping.clean_environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cores = glob.glob(os.path.join(folder, "qemu_*.core" if interpreter.emulator else "core*"))
    return cores[0] if cores else None


def emit(heapcore, interpreter):
    """The table's text, or None, said why."""
    with tempfile.TemporaryDirectory() as folder:
        core = dump(interpreter, folder)
        if not core:
            print("%-14s left no core" % interpreter.name, flush=True)
            return None
        done = subprocess.run([heapcore, "layouts", "--emit", core], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
    if done.returncode:
        print("%-14s %s" % (interpreter.name, done.stderr.strip()), flush=True)
        return None
    return done.stdout


def parse(text):
    """(versions, machine, flags), body."""
    first, versions, machine, flags, body = text.split("\n", 4)
    assert first == "heapcore layouts 1", first
    return (tuple(versions.split()[1:]), machine.split()[1], tuple(flags.split()[1:])), body


def order(version):
    level = re.search(r"(a|b|rc)?(\d*)$", version.split(".", 2)[2][1:])
    return [int(n) for n in re.findall(r"\d+", version)[:3]] + [level[1] or "z", version]


def main():
    heapcore, folder, *names = sys.argv[1:]
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    tables = {}  # (version, machine, flags) → body
    for path in glob.glob(os.path.join(folder, "*.txt")):
        with open(path) as file:
            (versions, machine, flags), body = parse(file.read())
        tables.update({(v, machine, flags): body for v in versions})
    for interpreter in filter(None, find(names)):
        text = emit(heapcore, interpreter)
        if text:
            (versions, machine, flags), body = parse(text)
            print("%-14s %s %s %s" % (interpreter.name, versions[0], machine, " ".join(flags)), flush=True)
            tables[versions[0], machine, flags] = body
    merged = {}  # (machine, flags, minor version, body) → versions
    for (version, machine, flags), body in tables.items():
        minor = ".".join(version.split(".")[:2])
        merged.setdefault((machine, flags, minor, body), []).append(version)
    for path in glob.glob(os.path.join(folder, "*.txt")):
        os.unlink(path)
    for (machine, flags, minor, body), versions in merged.items():
        versions.sort(key=order)
        name = "-".join([versions[0], machine, *flags])
        with open(os.path.join(folder, name + ".txt"), "w") as file:
            file.write("heapcore layouts 1\nversions %s\nmachine %s\nflags%s\n%s" % (
                " ".join(versions), machine, "".join(" " + f for f in flags), body))
    print("%d tables of %d builds" % (len(merged), len(tables)))


if __name__ == "__main__":
    main()
