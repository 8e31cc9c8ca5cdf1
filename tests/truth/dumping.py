"""Runs a fixture to the point where it has told the truth, and dumps it: kernel core, gcore, or alive."""
import contextlib
import glob
import json
import os
import resource
import shutil
import subprocess
import sys
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIXTURES = os.path.join(os.path.dirname(TESTS), "fixtures")
RUN_IN_ROOT = os.path.join(TESTS, "roots", "run_in_root.sh")
PATIENCE = 300  # seconds


class CannotDump(Exception):
    pass


def clean_environment(additions=()):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LD_"))}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    environment["PYTHONHASHSEED"] = "1"
    environment.update(additions)
    return environment


def processor_time(pid):
    with open("/proc/%d/stat" % pid) as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def await_work(pid, seconds):
    """Until a process has computed for so long, however busy the machine is."""
    end, late = processor_time(pid) + seconds, time.monotonic() + PATIENCE
    while processor_time(pid) < end and time.monotonic() < late:
        time.sleep(0.01)


def enter(interpreter, *folders):
    """What stands before a command line, so that it runs where the interpreter is and sees these folders.

    From then on heapcore looks for the process's files there, too."""
    os.environ.pop("HEAPCORE_SYSROOT", None)
    if not interpreter.root:
        return []
    os.environ["HEAPCORE_SYSROOT"] = interpreter.root
    entering = [RUN_IN_ROOT, interpreter.root, FIXTURES, *map(os.path.abspath, folders), "--"]
    # Signatures as the architecture defines them take an emulator most of its time.
    return entering + ([interpreter.emulator, "-cpu", "max,pauth-impdef=on"] if interpreter.emulator else [])


def command(interpreter, fixture, truth, how, options, flags=()):
    return [*enter(interpreter, os.path.dirname(truth)), interpreter.executable, *flags, "-W", "ignore",
        os.path.join(FIXTURES, fixture), truth, how, *options]


def kernel_writes_cores_here():
    with open("/proc/sys/kernel/core_pattern") as file:
        pattern = file.read().strip()
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    return not pattern.startswith(("|", "/")) and hard != 0


def abort_for_core(interpreter, fixture, folder, options=(), flags=(), environment=()):
    """(truth, core): the kernel's own core of an aborting fixture, or qemu's; gcore's where neither gives one."""
    if not interpreter.emulator and not kernel_writes_cores_here():
        print("the kernel writes no core file here (core_pattern or limit): gcore stands in", flush=True)
        return gcore(interpreter, fixture, folder, options, flags, environment)
    truth = os.path.join(folder, "truth.jsonl")
    done = subprocess.run(
        command(interpreter, fixture, truth, "abort", options, flags),
        cwd=folder, env=clean_environment(environment), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    # qemu writes a core of what it runs, and leaves one of itself that nobody wants.
    cores = glob.glob(os.path.join(glob.escape(folder), "qemu_*.core" if interpreter.emulator else "core*"))
    if not cores:
        raise CannotDump("%s left no core; it ended with %d and said:\n%s" % (
            fixture, done.returncode, done.stdout.decode(errors="replace")))
    return truth, cores[0]


@contextlib.contextmanager
def blocked(interpreter, fixture, folder, options=(), flags=(), environment=()):
    """(truth, process) of a fixture that has told the truth and waits for a byte."""
    truth = os.path.join(folder, "truth.jsonl")
    process = subprocess.Popen(
        command(interpreter, fixture, truth, "block", options, flags),
        cwd=folder, env=clean_environment(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        ready = process.stdout.readline()
        if ready != b"READY\n":
            raise CannotDump("%s said %r instead of READY" % (fixture, ready))
        yield truth, process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def goes_on(process):
    """Whether a blocked fixture, given its byte, still works and ends well."""
    answer, _ = process.communicate(b"\n", timeout=PATIENCE)
    return answer == b"ALIVE\n" and process.returncode == 0


def gcore(interpreter, fixture, folder, options=(), flags=(), environment=()):
    if not shutil.which("gcore"):
        raise CannotDump("gcore is not installed (package gdb)")
    with blocked(interpreter, fixture, folder, options, flags, environment) as (truth, process):
        prefix = os.path.join(folder, "gcore")
        done = subprocess.run(
            ["gcore", "-o", prefix, str(process.pid)],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=PATIENCE)
    core = "%s.%d" % (prefix, process.pid)
    if not os.path.exists(core):
        raise CannotDump("gcore failed:\n" + done.stdout.decode(errors="replace"))
    return truth, core


def report(heapcore, name, target, *options):
    """What `heapcore NAME --json` says of a core file, or of ["-p", PID]."""
    arguments = target if isinstance(target, list) else [target]
    done = subprocess.run([heapcore, name, "--json", *options, *arguments], stdout=subprocess.PIPE,
        timeout=PATIENCE, check=True)
    return json.loads(done.stdout)


def verification(heapcore, target):
    """What `heapcore analyze --verify` finds: {"sampled", "agreeing", "failed", "rows"}."""
    return report(heapcore, "analyze", target, "--verify")["verification"]


def heapcore_dump(heapcore, target):
    """The lines of `heapcore dump` of a core file, or of ["-p", PID]."""
    arguments = target if isinstance(target, list) else [target]
    done = subprocess.run([heapcore, "dump", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=PATIENCE)
    if done.stderr:
        sys.stdout.write(done.stderr.decode(errors="replace"))
    if done.returncode != 0:
        raise AssertionError("heapcore dump %s: exit status %d\n%s" % (
            " ".join(arguments), done.returncode, done.stderr.decode(errors="replace")))
    return done.stdout.splitlines()
