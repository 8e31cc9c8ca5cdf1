"""libheapcore through its C API, include/heapcore/heapcore.h: the one place that knows its functions' shapes."""
import ctypes
import glob
import os

import gdb

API_VERSION = 1
NAME = "libheapcore.so.1"

c_session = c_value = c_error = ctypes.c_void_p
READ = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t)
WRITE = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class Error(gdb.GdbError):
    """What cannot be done, in a sentence: of a command gdb prints just that."""


class Options(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("exe", ctypes.c_char_p), ("sysroot", ctypes.c_char_p),
        ("debug_dir", ctypes.c_char_p), ("baseline", ctypes.c_char_p), ("threads", ctypes.c_uint),
        ("definitions", ctypes.c_char_p)]


class Target(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("name", ctypes.c_char_p), ("pid", ctypes.c_int), ("maps", ctypes.c_char_p),
        ("auxv", ctypes.c_char_p), ("auxv_size", ctypes.c_size_t), ("word_size", ctypes.c_uint),
        ("is_big_endian", ctypes.c_bool), ("machine", ctypes.c_uint), ("read", READ), ("argument", ctypes.c_void_p)]


class Format(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("json", ctypes.c_bool), ("color", ctypes.c_bool), ("limit", ctypes.c_long),
        ("locals", ctypes.c_bool),
        ("full", ctypes.c_bool),
        ("verify", ctypes.c_bool)]


class Object(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("address", ctypes.c_uint64), ("bytes", ctypes.c_uint64),
        ("refcount", ctypes.c_uint64), ("type", ctypes.c_char_p), ("state", ctypes.c_char_p)]


NONE, INTEGER, BOOL, TEXT, SET, OTHER = range(6)

POINTER = ctypes.POINTER
SHAPES = {
    "version": (ctypes.c_char_p,),
    "error_message": (ctypes.c_char_p, c_error),
    "error_destroy": (None, c_error),
    "free": (None, ctypes.c_void_p),
    "open_core": (c_error, ctypes.c_char_p, POINTER(Options), POINTER(c_session)),
    "open_stopped": (c_error, ctypes.c_int, POINTER(Options), POINTER(c_session)),
    "open_target": (c_error, POINTER(Target), POINTER(Options), POINTER(c_session)),
    "session_destroy": (None, c_session),
    "session_inherit": (c_error, c_session, c_session),
    "run": (c_error, c_session, ctypes.c_char_p, POINTER(Format), WRITE, ctypes.c_void_p),
    "report": (c_error, c_session, ctypes.c_char_p, POINTER(Format), WRITE, ctypes.c_void_p),
    "report_name": (ctypes.c_char_p, ctypes.c_size_t),
    "report_summary": (ctypes.c_char_p, ctypes.c_size_t),
    "report_help": (ctypes.c_char_p, ctypes.c_size_t),
    "help": (ctypes.c_void_p, ctypes.c_char_p),
    "complete": (ctypes.c_void_p, c_session, ctypes.c_char_p, POINTER(ctypes.c_size_t)),
    "evaluate_with": (
        c_error, c_session, ctypes.c_char_p, POINTER(ctypes.c_char_p), POINTER(c_value), ctypes.c_size_t,
        POINTER(c_value)),
    "value_destroy": (None, c_value),
    "value_type": (ctypes.c_int, c_value),
    "value_integer": (ctypes.c_int64, c_value),
    "value_string": (ctypes.c_char_p, c_value),
    "value_write": (c_error, c_value, POINTER(Format), WRITE, ctypes.c_void_p),
    "value_assign": (c_error, c_value, ctypes.c_char_p),
    "set_count": (ctypes.c_uint64, c_value),
    "set_size": (ctypes.c_uint64, c_value),
    "set_addresses": (ctypes.c_size_t, c_value, ctypes.c_uint64, POINTER(ctypes.c_uint64), ctypes.c_size_t),
    "object_find": (ctypes.c_bool, c_session, ctypes.c_uint64, POINTER(Object)),
    "object_repr": (ctypes.c_void_p, c_session, ctypes.c_uint64),
    "interrupt_by_signal": (None, ctypes.c_bool),
}


def candidates():
    """Where the library may be: as the environment says, in a build, beside the installed plugin, or where ld.so looks."""
    wanted = os.environ.get("HEAPCORE_LIBRARY")
    if wanted:
        return [wanted]
    plugin = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    # gdb/ of the sources; PREFIX/share/heapcore/gdb
    patterns = ("../build/release", "../../../lib", "../../../lib64", "../../../lib/*")
    found = [path for pattern in patterns for path in sorted(glob.glob(os.path.join(glob.escape(plugin), pattern, NAME)))]
    return [*map(os.path.normpath, found), NAME]


class Library:
    """The loaded library: each function under its name without `heapcore_`."""

    def __init__(self):
        self.path = path = candidates()[0]
        try:
            library = ctypes.CDLL(path)
        except OSError as error:
            raise Error(
                "cannot load %s (%s); build heapcore, or name the library in the environment variable "
                "HEAPCORE_LIBRARY" % (path, error))
        try:
            version = library.heapcore_api_version()
        except AttributeError:
            raise Error("%s is no libheapcore" % path)
        if version != API_VERSION:
            raise Error("%s speaks version %d of the interface, this plugin version %d; install both from one build"
                % (path, version, API_VERSION))
        for name, shape in SHAPES.items():
            try:
                function = getattr(library, "heapcore_" + name)
            except AttributeError:
                raise Error("%s has no heapcore_%s; install plugin and library from one build" % (path, name))
            function.restype, function.argtypes = shape[0], shape[1:]
            setattr(self, name, function)

    def check(self, error):
        """Raises what a function of the library returned as its error."""
        if not error:
            return
        message = self.error_message(error).decode(errors="replace")
        self.error_destroy(error)
        # Ctrl-C came while the library worked: gdb says Quit
        raise KeyboardInterrupt if message == "interrupted" else Error(message)

    def working(self, function, *arguments):
        """Calls what may take its time: Ctrl-C ends it."""
        self.interrupt_by_signal(True)
        try:
            error = function(*arguments)
        finally:
            self.interrupt_by_signal(False)
        self.check(error)

    def writing(self, function, *arguments, write):
        """The same for a function that writes text: `write` gets it piece by piece."""
        failure = []

        def on_text(_, text, length):
            try:
                write(ctypes.string_at(text, length).decode(errors="replace"))
                return True
            except BaseException as error:  # nothing may pass through C
                failure.append(error)
                return False

        try:
            self.working(function, *arguments, WRITE(on_text), None)
        except Error:
            if not failure:
                raise
        if failure:
            raise failure[0]

    def take_text(self, pointer):
        """A string that is the caller's to free; None for NULL."""
        if not pointer:
            return None
        text = ctypes.string_at(pointer).decode(errors="replace")
        self.free(pointer)
        return text


_library = None


def load():
    global _library
    if _library is None:
        _library = Library()
    return _library


def format_of(limit=-1, **options):
    return ctypes.byref(Format(size=ctypes.sizeof(Format), limit=limit, **options))
