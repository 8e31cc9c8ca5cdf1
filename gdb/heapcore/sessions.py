"""A session of the library for each of gdb's inferiors, made when it is needed and again when it is stale."""
import ctypes
import os
import re
import tempfile

import gdb

from . import library

# gdb's name: e_machine of ELF, bytes of a word
MACHINES = {"i386:x86-64": (62, 8), "aarch64": (183, 8), "i386": (3, 4), "arm": (40, 4), "s390:64-bit": (22, 8),
    "riscv:rv64": (243, 8)}


def text_of(command):
    return gdb.execute(command, to_string=True)


def core_of(inferior):
    """The path of the core file that the inferior was made from, or None."""
    connection = getattr(inferior, "connection", None)
    if connection is not None and connection.type != "core":
        return None
    known = getattr(inferior, "corefile", None)  # gdb 17
    if known is not None:
        return known.filename
    found = re.search(r"core dump file:\s*\n\s*[`'](.*)', file type", text_of("info files"))
    return found.group(1) if found else None


def identity(inferior):
    """What two sessions of one inferior must share, to be of the same core or process."""
    core = core_of(inferior)
    program = inferior.progspace.filename if inferior.progspace else None
    if not core:
        return inferior.pid, program
    try:
        status = os.stat(core)
    except OSError:
        return core, program
    return core, status.st_dev, status.st_ino, status.st_mtime_ns


def is_native(inferior):
    connection = getattr(inferior, "connection", None)
    return connection is not None and connection.type == "native"


def parameter(name):
    value = gdb.parameter(name)
    return value if value and not value.startswith("target:") and value != "/" else None


def options(inferior, with_program):
    folders = [folder for folder in (parameter("debug-file-directory") or "").split(":")
        if os.path.isdir(folder) and folder != "/usr/lib/debug"]  # where the library looks anyway
    program = inferior.progspace.filename if with_program and inferior.progspace else None
    return library.Options(
        ctypes.sizeof(library.Options),
        program.encode() if program and os.path.exists(program) else None,
        (parameter("sysroot") or "").encode() or None,
        folders[0].encode() if folders else None,
        None, 0, (parameter("heapcore-definitions") or "").encode() or None)


def remote_file(path):
    """A file of the machine that the inferior runs on; None if gdb cannot have it."""
    with tempfile.TemporaryDirectory() as folder:
        here = os.path.join(folder, "file")
        try:
            text_of("remote get %s %s" % (path, here))
            with open(here, "rb") as file:
                return file.read()
        except (gdb.error, OSError):
            return None


def memory_maps(inferior):
    """What is mapped, as /proc/PID/maps writes it."""
    maps = remote_file("/proc/%d/maps" % inferior.pid)
    if maps is not None:
        return maps
    lines = []
    for line in text_of("info proc mappings").splitlines():
        found = re.match(r"\s*0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s+([rwxps-]{4})\s*(.*)", line)
        if found:
            start, end, offset, flags, path = found.groups()
            lines.append("%s-%s %s %s 00:00 %d %s" % (start, end, flags, offset, path.startswith("/"), path))
    return ("\n".join(lines) + "\n").encode()


def machine_of(inferior):
    name = inferior.architecture().name()
    for known, number in MACHINES.items():
        if name == known or name.startswith(known + ":"):
            return number
    raise library.Error("heapcore does not know the architecture %s" % name)


class Session:
    """The library's session over one inferior at one moment."""

    def __init__(self, inferior):
        self.library = library.load()
        self.core = core_of(inferior)
        self.identity = identity(inferior)
        self.handle = library.c_session()
        self.is_stale = False
        self.open(inferior)

    def open(self, inferior):
        result = ctypes.byref(self.handle)
        if self.core:
            wishes = options(inferior, True)
            self.library.working(self.library.open_core, os.fsencode(self.core), ctypes.byref(wishes), result)
        elif not inferior.pid:
            raise library.Error("there is no process and no core file to look at")
        elif any(thread.is_running() for thread in inferior.threads()):
            raise library.Error("the process runs; stop it first (interrupt, or Ctrl-C)")
        elif is_native(inferior):
            wishes = options(inferior, False)
            self.library.working(self.library.open_stopped, inferior.pid, ctypes.byref(wishes), result)
        else:
            self.open_target(inferior, result)

    def open_target(self, inferior, result):
        """A process that only gdb can read."""
        failure = []

        def read(_, address, buffer, length):
            if failure:
                return 0
            try:
                memory = inferior.read_memory(address, length)
            except (gdb.error, OverflowError):
                return 0
            except BaseException as error:  # nothing may pass through C
                failure.append(error)
                return 0
            ctypes.memmove(buffer, bytes(memory), len(memory))
            return len(memory)

        machine, word_size = machine_of(inferior)
        auxv = remote_file("/proc/%d/auxv" % inferior.pid) or b""
        callback = library.READ(read)
        target = library.Target(
            ctypes.sizeof(library.Target), b"inferior %d" % inferior.num, inferior.pid, memory_maps(inferior), auxv,
            len(auxv), word_size, "big endian" in text_of("show endian"), machine, callback, None)
        wishes = options(inferior, True)
        try:
            self.library.working(self.library.open_target, ctypes.byref(target), ctypes.byref(wishes), result)
        except library.Error:
            if not failure:
                raise
        if failure:
            self.close()
            raise failure[0]

    def inherit(self, older):
        self.library.check(self.library.session_inherit(self.handle, older.handle))

    def close(self):
        self.library.session_destroy(self.handle)
        self.handle = None

    def is_of(self, inferior):
        return self.identity == identity(inferior)


_sessions = {}  # by the inferior's number
_drop_hooks = []


def on_drop(hook):
    """`hook(session)` is called before a session is closed."""
    _drop_hooks.append(hook)
    return hook


def drop(number):
    session = _sessions.pop(number, None)
    if session:
        for hook in _drop_hooks:
            hook(session)
        session.close()


def refresh():
    """The selected inferior is looked at anew; variables and the reference point stay."""
    inferior = gdb.selected_inferior()
    older = _sessions.get(inferior.num)
    if older is not None and not older.is_of(inferior):
        drop(inferior.num)
        older = None
    session = Session(inferior)
    if older is not None:
        try:
            session.inherit(older)
        except BaseException:
            session.close()
            raise
        drop(inferior.num)
    _sessions[inferior.num] = session
    return session


def current():
    """The session of the selected inferior, up to date."""
    inferior = gdb.selected_inferior()
    session = _sessions.get(inferior.num)
    if session is None or session.is_stale or not session.is_of(inferior):
        return refresh()
    return session


def _mark_stale(*numbers):
    for number in numbers:
        if number in _sessions:
            _sessions[number].is_stale = True


def _on_change(event):
    """An inferior goes on, stops, or was written to."""
    thread = getattr(event, "inferior_thread", None)
    if thread is not None:
        _mark_stale(thread.inferior.num)
    elif gdb.parameter("schedule-multiple"):
        _mark_stale(*_sessions)
    else:
        _mark_stale(gdb.selected_inferior().num)


def watch():
    """Notes when the inferiors change."""
    for event in gdb.events.cont, gdb.events.stop, gdb.events.memory_changed:
        event.connect(_on_change)
    gdb.events.exited.connect(lambda event: drop(event.inferior.num))
    gdb.events.inferior_deleted.connect(lambda event: drop(event.inferior.num))
