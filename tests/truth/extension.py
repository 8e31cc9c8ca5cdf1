"""Builds the extension modules of fixtures/extension for one interpreter, with the compiler of this machine."""
import os
import re
import shutil
import subprocess

import dumping

SOURCES = os.path.join(dumping.FIXTURES, "extension")
CYTHON = "cython3", "cython"


class CannotBuild(Exception):
    pass


def run(command, **named):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
        timeout=dumping.PATIENCE, **named)
    if done.returncode:
        raise CannotBuild("%s:\n%s" % (" ".join(command), done.stdout[-3000:]))
    return done.stdout


def ask(interpreter, expression):
    """What an expression of sysconfig is there."""
    program = "import sys, sysconfig; print(%s)" % expression
    return run([*dumping.enter(interpreter), interpreter.executable, "-c", program],
        env=dumping.clean_environment(), stdin=subprocess.DEVNULL).strip()


def has_module(interpreter, name):
    try:
        ask(interpreter, "__import__(%r)" % name)
    except CannotBuild:
        return False
    return True


def include_folder(interpreter):
    folder = (interpreter.root or "") + ask(interpreter, "sysconfig.get_paths()['include']")
    if not os.path.exists(os.path.join(folder, "Python.h")):
        raise CannotBuild("no Python.h in %s" % folder)
    return folder


def translate(folder, version):
    """zoocython.c as Cython makes it; if this Cython can for that version."""
    program = next(filter(shutil.which, CYTHON), None)
    if not program:
        raise CannotBuild("no Cython here (package cython3)")
    own = tuple(map(int, re.search(r"(\d+)\.(\d+)", run([program, "--version"])).groups()))
    if own < (3, 0) and version >= (3, 12):
        raise CannotBuild("Cython %d.%d makes nothing for %d.%d" % (own + version))
    translated = os.path.join(folder, "zoocython.c")
    run([program, "-3", os.path.join(SOURCES, "zoocython.pyx"), "-o", translated])
    return translated


def build(interpreter, folder, name):
    """Builds module `name` into `folder`. Raises CannotBuild where something that it takes is not there."""
    include = include_folder(interpreter)
    version = tuple(map(int, ask(interpreter, "'%d %d' % sys.version_info[:2]").split()))
    source = os.path.join(SOURCES, name + ".c")
    if name == "zoocython":
        source = translate(folder, version)
    built = os.path.join(folder, name + ".so")
    run([os.environ.get("CC", "cc"), "-O2", "-g", "-fPIC", "-shared", "-w", "-I", include, source, "-o", built])
    return built
