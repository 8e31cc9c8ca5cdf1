"""A real gdb with the plugin, and processes and cores for it to look at."""
import atexit
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "truth"))
import dumping

PLUGIN = os.path.join(HERE, "..", "..", "gdb", "heapcore.py")
PATIENCE = 300  # seconds
OPTIONS = None  # heapcore, library, gdb: paths
INTERPRETER = None  # that runs the fixtures

# Runs each command by itself, so that an error does not end the others, and marks where its output begins and ends.
DRIVER = """
import gdb, json, os, time

def await_sessions(state, count):  # more than there are; the service runs
    known = lambda: len(json.load(open(state))["sessions"])
    end = known() + count
    while known() < end:
        time.sleep(0.01)

for command in json.loads(os.environ["HEAPCORE_TEST_COMMANDS"]):
    gdb.write("<<<\\n")
    try:
        gdb.execute(command)
    except gdb.error as error:
        gdb.write("ERROR %s\\n" % error)
    gdb.write(">>>\\n")
"""


READ = "python print(open(%r).read())"
AWAIT = "python await_sessions(%r, 5)"


# The address sanitizer begins its work at the first malloc(). In gdb that is in newlocale(), called when one of gdb's
# libraries is initialised, which holds the lock that the sanitizer's own dlerror() takes: gdb then hangs for ever.
# A library that is initialised before all others asks for memory earlier.
EARLY = "#include <stdlib.h>\n__attribute__((constructor)) static void early(void) { free(malloc(1)); }\n"


@functools.lru_cache()
def preloads_for(library):
    """What gdb has to load first: the address sanitizer's library, if `library` wants it."""
    said = subprocess.run(["ldd", library], stdout=subprocess.PIPE).stdout.decode()
    found = re.search(r"libasan\S* => (\S+)", said)
    if not found:
        return None
    folder = tempfile.mkdtemp(prefix="heapcore-gdb-early-")
    atexit.register(shutil.rmtree, folder)
    early = os.path.join(folder, "libearly.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O0", "-Wl,-z,initfirst", "-x", "c", "-o", early, "-"],
        input=EARLY.encode(), check=True)
    return "%s %s" % (found.group(1), early)


def environment(**more):
    known = {**dumping.clean_environment(), "HEAPCORE_LIBRARY": OPTIONS.library, "TERM": "dumb", "LC_ALL": "C.UTF-8"}
    known.pop("DEBUGINFOD_URLS", None)
    preload = preloads_for(OPTIONS.library)
    if preload:  # gdb's own leaks are not ours
        known.update(LD_PRELOAD=preload, ASAN_OPTIONS="detect_leaks=0:exitcode=99", UBSAN_OPTIONS="exitcode=99")
    known.update(more)
    return {name: value for name, value in known.items() if value is not None}


def gdb_command(*arguments, plugin=PLUGIN):
    settings = ("pagination off", "confirm off", "auto-load safe-path /nonexistent", "debuginfod enabled off",
        "startup-with-shell off")
    command = [OPTIONS.gdb, "-q", "-nx", "-batch", "-iex", "unset environment LD_PRELOAD"]
    for setting in settings:
        command += ["-iex", "set " + setting]
    return command + ["-ex", "source " + plugin, *arguments]


def run_gdb(commands, *arguments, first=(), plugin=PLUGIN, **more):
    """What gdb printed for each of `commands`; `arguments` say what it debugs, `first` is done before."""
    folder = tempfile.mkdtemp(prefix="heapcore-gdb-")
    try:
        driver = os.path.join(folder, "driver.py")
        with open(driver, "w") as file:
            file.write(DRIVER)
        done = subprocess.run(
            [*gdb_command(*("-ex=" + command for command in first), "-ex", "source " + driver, plugin=plugin),
                *arguments], env=environment(
                HEAPCORE_TEST_COMMANDS=json.dumps(commands), **more),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    finally:
        shutil.rmtree(folder)
    text = done.stdout.decode(errors="replace")
    answers = [found.group(1) for found in re.finditer(r"<<<\n(.*?)>>>\n", text, re.DOTALL)]
    if len(answers) != len(commands) or done.returncode < 0 or "Sanitizer" in text or "runtime error" in text:
        raise AssertionError("gdb answered %d of %d commands and ended with %d:\n%s" % (
            len(answers), len(commands), done.returncode, text))
    return answers


def heapcore(*arguments):
    done = subprocess.run([OPTIONS.heapcore, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=PATIENCE)
    if done.returncode:
        raise AssertionError("heapcore %s: %s" % (arguments, done.stderr.decode(errors="replace")))
    return done.stdout.decode()


class Service:
    """fixtures/sessions.py at work."""

    def __init__(self, folder, *arguments):
        self.state = os.path.join(folder, "state.json")
        self.command = [INTERPRETER.executable, os.path.join(dumping.FIXTURES, "sessions.py"), self.state, *arguments]
        self.folder = folder

    def __enter__(self):
        self.process = subprocess.Popen(self.command, cwd=self.folder, env=dumping.clean_environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while not os.path.exists(self.state) or self.known()["pid"] != self.process.pid:
            if time.monotonic() > end or self.process.poll() is not None:
                raise dumping.CannotDump("the service did not start")
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def known(self):
        with open(self.state) as file:
            return json.load(file)

    def goes_on(self):
        before = len(self.known()["sessions"])
        end = time.monotonic() + PATIENCE
        while len(self.known()["sessions"]) <= before + 3:
            if time.monotonic() > end or self.process.poll() is not None:
                return False
            time.sleep(0.01)
        return True


def make_core(folder):
    service = Service(folder, "5", "abort")
    subprocess.run(service.command, cwd=folder, env=dumping.clean_environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE)
    cores = [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith("core")]
    if cores:
        return service, cores[0]
    with Service(folder) as living:  # the kernel writes no cores here
        subprocess.run(["gcore", "-o", os.path.join(folder, "core"), str(living.process.pid)], check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE)
    return living, os.path.join(folder, "core.%d" % living.process.pid)


def count_of(answer):
    return int(re.search(r"set of (\d+) object", answer).group(1))
