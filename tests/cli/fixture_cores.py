"""The cores of fixtures/postmortem and fixtures/crash, each made once for all tests of a file."""
import os
import shutil
import signal
import subprocess

import dumping
import extension
import interpreters

POSTMORTEM = os.path.join(dumping.FIXTURES, "postmortem")
CRASH = os.path.join(dumping.FIXTURES, "crash")
# What a core is called in docs/postmortem.md: sources, the extension among them, command, signal.
CASES = {
    "shop": ([CRASH + "/shop.py"], CRASH + "/ledger.c", ["shop.py"], signal.SIGSEGV),
    "prices": ([POSTMORTEM + "/prices.py"], None, ["prices.py"], signal.SIGABRT),
    "gallery": ([POSTMORTEM + "/gallery.py"], POSTMORTEM + "/thumbnails.c", ["gallery.py"], signal.SIGABRT),
    "foreign": ([POSTMORTEM + "/gallery.py"], POSTMORTEM + "/thumbnails.c", ["gallery.py", "thread"], signal.SIGSEGV),
}


def find_interpreter():
    """The first that extensions can be built for."""
    for name in ("debian-3.11", *interpreters.NAMES):
        interpreter = interpreters.find(name)
        try:
            if interpreter and extension.include_folder(interpreter):
                return interpreter
        except extension.CannotBuild:
            pass
    return None


def make(interpreter, case, folder):
    """Runs a case in `folder` until it dies; its core, named `core`."""
    sources, native, command, number = CASES[case]
    os.makedirs(folder)
    for path in sources:
        shutil.copy(path, folder)
    if native:
        name = os.path.basename(native)[:-2]
        extension.run(["cc", "-O0", "-g", "-fPIC", "-shared", "-w", "-I", extension.include_folder(interpreter), native,
            "-o", os.path.join(folder, name + ".so")])
    done = subprocess.run(["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh", interpreter.executable, *command],
        cwd=folder, env=dumping.clean_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=dumping.PATIENCE)
    if done.returncode != -number:
        raise dumping.CannotDump("%s ended with %d: %s" % (case, done.returncode, done.stderr.decode()))
    [core] = [name for name in os.listdir(folder) if name.startswith("core")]
    os.rename(os.path.join(folder, core), os.path.join(folder, "core"))
    return os.path.join(folder, "core")
