"""py-heap and the convenience functions."""
import contextlib

import gdb

HELP = """Ask heapy's questions about the Python objects of the inferior.

    py-heap                 what is in the heap, by class
    py-heap EXPR            any expression of the query language: py-heap h[0].byrcs
    py-heap NAME = EXPR     keeps it under a name; _ is the last answer; py-heap more: its next page
    py-heap obj EXPR        the Python object at an address or in a variable of gdb's; obj is its name then
    py-heap REPORT          a report of the heapcore program (analyze --full, analyze --verify, threads --locals):
%s
    py-heap refresh         looks at the inferior anew
    py-heap help [NAME]     help for a name of the query language
"""

REPORT_OPTIONS = {"analyze": ("--full", "--verify"), "threads": ("--locals",)}

_state = {"watching": False}


@contextlib.contextmanager
def gdb_errors():
    """Turns what can go wrong into gdb's one line."""
    try:
        yield
    except gdb.MemoryError as error:
        raise gdb.GdbError("gdb cannot read the memory: %s" % error)
    except gdb.error as error:
        raise gdb.GdbError(str(error))


def session():
    from . import sessions
    if not _state["watching"]:
        sessions.watch()
        _state["watching"] = True
    return sessions.current()


def reports(lib):
    """{name: summary}"""
    found = {}
    while True:
        name = lib.report_name(len(found))
        if name is None:
            return found
        found[name.decode()] = lib.report_summary(len(found)).decode()


def run(text):
    from . import library
    now = session()
    now.library.writing(now.library.run, now.handle, text.encode(), library.format_of(), write=gdb.write)


def report(name, options):
    from . import library
    for option in options:
        if option not in REPORT_OPTIONS.get(name, ()):
            raise library.Error("py-heap %s has no option %s" % (name, option))
    given = {option.lstrip("-"): True for option in options}
    now = session()
    now.library.writing(now.library.report, now.handle, name.encode(), library.format_of(**given), write=gdb.write)


def show_help(name):
    from . import library
    lib = library.load()
    if name:
        text = lib.take_text(lib.help(name.encode()))
        known = list(reports(lib))
        if name in known:
            index = known.index(name)
            text = "%s\n\n%s" % (lib.report_summary(index).decode(), lib.report_help(index).decode())
        if text is None:
            raise library.Error("there is no help for '%s'; `py-heap help` lists the names" % name)
        gdb.write(text)
        return
    width = max(map(len, reports(lib)), default=0)
    lines = ["        %-*s  %s" % (width, each, summary) for each, summary in reports(lib).items()]
    gdb.write(HELP % "\n".join(lines))
    gdb.write("\n" + (lib.take_text(lib.help(None)) or ""))


def address_of(expression):
    """Where the object is that gdb's expression means: a pointer, an integer, or the struct itself."""
    value = gdb.parse_and_eval(expression)
    code = value.type.strip_typedefs().code
    if code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
        value = value.referenced_value()
        code = value.type.strip_typedefs().code
    if code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        if value.address is None:
            raise gdb.GdbError("%s has no address" % expression)
        return int(value.address)
    if code not in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_INT, gdb.TYPE_CODE_ENUM):
        raise gdb.GdbError("%s is no address, but has type %s" % (expression, value.type))
    return int(value) & (1 << 64) - 1


def show_object(expression):
    from . import library
    if not expression:
        raise library.Error("which object? py-heap obj EXPR, for example py-heap obj $rdi")
    now = session()
    address = address_of(expression)
    found = library.Object(library.ctypes.sizeof(library.Object))
    if not now.library.object_find(now.handle, address, library.ctypes.byref(found)):
        raise library.Error("no Python object starts at 0x%x" % address)
    text = now.library.take_text(now.library.object_repr(now.handle, address)) or ""
    gdb.write("%s\n" % text)
    gdb.write("0x%x: %s, %d bytes, reference count %d, %s\n" % (
        address, found.type.decode(errors="replace"), found.bytes, found.refcount, found.state.decode()))
    run("obj = hp.iso(0x%x)" % address)
    gdb.write("\nReferrers\n")
    run("obj.referrers")
    gdb.write("\nShortest paths from a root\n")
    run("obj.sp")


class HeapCommand(gdb.Command):
    __doc__ = """Ask heapy's questions about the Python objects of the inferior.

py-heap            what is in the heap, by class
py-heap EXPR       any expression of heapcore's query language
py-heap obj EXPR   the Python object at an address or in a variable of gdb's
py-heap help       all commands and names"""

    def __init__(self):
        super().__init__("py-heap", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        self.dont_repeat()
        with gdb_errors():
            self.dispatch(argument.strip())

    def dispatch(self, text):
        from . import library
        word, _, rest = text.partition(" ")
        rest = rest.strip()
        if not text:
            run("heap()")
        elif word == "help":
            show_help(rest)
        elif word == "obj":
            show_object(rest)
        elif text == "refresh":
            session()
            from . import sessions
            sessions.refresh()
        elif word in reports(library.load()) and (not rest or rest.startswith("--")):
            report(word, rest.split())
        else:
            run(text)

    def complete(self, text, word):
        try:
            return self.completions(text, word)
        except Exception:  # completion that cannot be had is none
            return gdb.COMPLETE_NONE

    def completions(self, text, word):
        from . import library
        if text.startswith("obj "):
            return gdb.COMPLETE_EXPRESSION
        lib = library.load()
        start = library.ctypes.c_size_t()
        known = []
        if text == word or " " not in text:
            known = [each for each in ["help", "obj", "refresh", *reports(lib)] if each.startswith(text)]
        asked = text[5:] if text.startswith("help ") else text
        try:
            now = session()
        except (library.Error, gdb.error):
            return known
        names = lib.take_text(lib.complete(now.handle, asked.encode(), library.ctypes.byref(start))) or ""
        prefix = asked[start.value:]
        # gdb wants what stands in place of `word`, of which it takes more or less than the language does.
        cut = len(word) - len(prefix)
        found = [word[:cut] + name if cut >= 0 else name[-cut:] for name in names.splitlines()]
        return sorted(set(known + found))


class CountFunction(gdb.Function):
    """$py_heap_count("EXPR"): how many objects a set has."""

    def __init__(self):
        super().__init__("py_heap_count")

    def invoke(self, expression):
        return _set_of(expression).count


class AddressFunction(gdb.Function):
    """$py_heap_addr("EXPR", N): the address of the N-th object of a set, N = 0 if it is left out."""

    def __init__(self):
        super().__init__("py_heap_addr")

    def invoke(self, expression, index=0):
        with gdb_errors():
            from . import library
            found = _set_of(expression)
            address = found._address(int(index))
            if address is None:
                raise library.Error("the set has no object %d" % int(index))
            return address


def _set_of(expression):
    with gdb_errors():
        from . import library, values
        session()
        found = values.evaluate(expression.string())
        if not isinstance(found, values.Set):
            raise library.Error("%s is no set" % expression.string())
        return found


class DefinitionsParameter(gdb.Parameter):
    """Heap definitions of extension types: files, plugins and directories of them, divided by ":".

What is set counts for the next session: say py-heap refresh."""

    set_doc = "Set the heap definitions that py-heap uses."
    show_doc = "Show the heap definitions that py-heap uses."

    def __init__(self):
        super().__init__("heapcore-definitions", gdb.COMMAND_DATA, gdb.PARAM_OPTIONAL_FILENAME)

    def get_set_string(self):
        return ""

    def get_show_string(self, value):
        return "py-heap uses these heap definitions beside those that it finds: %s" % (value or "none")


def register():
    DefinitionsParameter()
    HeapCommand()
    CountFunction()
    AddressFunction()
