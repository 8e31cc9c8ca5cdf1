"""What expressions come to, as Python objects: heapy sessions can be pasted.

A value belongs to the state of the inferior that it was made from. After the inferior went on, it must be made
anew.
"""
import contextlib
import ctypes
import weakref

from . import library, sessions

_alive = {}  # id → weak reference of each value whose handle the library still has


class Value:
    """Something of the query language: a set, a kind, hp, a function …"""

    def __init__(self, session, handle):
        self._session = session
        self._handle = handle
        _alive[id(self)] = weakref.ref(self)

    def __del__(self):
        self._drop()

    def _drop(self):
        if self._handle:
            self._session.library.value_destroy(self._handle)
            self._handle = None
        _alive.pop(id(self), None)

    def _checked(self, session=None):
        if not self._handle:
            raise library.Error("this value is of an earlier state of the process; make it anew")
        if session is not None and session is not self._session:
            raise library.Error("this value is of another inferior than the selected one")
        return self._handle

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return evaluate_with("value." + name, value=self)

    def __call__(self, *arguments, **named):
        names = {"a%d" % i: argument for i, argument in enumerate(arguments)}
        call = list(names) + ["%s=n_%s" % (name, name) for name in named]
        names.update(("n_" + name, argument) for name, argument in named.items())
        return evaluate_with("function(%s)" % ", ".join(call), function=self, **names)

    def __getitem__(self, key):
        if isinstance(key, slice):
            if key.step is not None:
                raise TypeError("a slice has no step")
            start, stop = ("" if end is None else str(int(end)) for end in (key.start, key.stop))
            return evaluate_with("value[%s:%s]" % (start, stop), value=self)
        return evaluate_with("value[key]", value=self, key=key)

    def __repr__(self):
        pieces = []
        self._session.library.writing(
            self._session.library.value_write, self._checked(), library.format_of(), write=pieces.append)
        return "".join(pieces).rstrip("\n")

    def __hash__(self):
        return id(self)

    def __and__(self, other):
        return _operate(self, "&", other)

    def __or__(self, other):
        return _operate(self, "|", other)

    def __sub__(self, other):
        return _operate(self, "-", other)

    def __xor__(self, other):
        return _operate(self, "^", other)

    def __rand__(self, other):
        return _operate(other, "&", self)

    def __ror__(self, other):
        return _operate(other, "|", self)

    def __invert__(self):
        return evaluate_with("~value", value=self)

    def __eq__(self, other):
        return _operate(self, "==", other)

    def __ne__(self, other):
        return _operate(self, "!=", other)

    def __lt__(self, other):
        return _operate(self, "<", other)

    def __le__(self, other):
        return _operate(self, "<=", other)

    def __gt__(self, other):
        return _operate(self, ">", other)

    def __ge__(self, other):
        return _operate(self, ">=", other)

    def __contains__(self, other):
        return _operate(other, "in", self)

    def __next__(self):
        return evaluate_with("next(value)", value=self)


class Set(Value):
    """A set of objects. Iterating gives their addresses."""

    def __iter__(self):
        size = 1024
        buffer = (ctypes.c_uint64 * size)()
        first = 0
        while True:
            count = self._session.library.set_addresses(self._checked(), first, buffer, size)
            yield from buffer[:count]
            if count < size:
                return
            first += count

    def _address(self, index):
        buffer = (ctypes.c_uint64 * 1)()
        found = index >= 0 and self._session.library.set_addresses(self._checked(), index, buffer, 1)
        return buffer[0] if found else None

    def __len__(self):
        return int(evaluate_with("len(value)", value=self))

    def __bool__(self):
        return self._session.library.set_count(self._checked()) > 0


class _Handle:
    """A value of the library for the time of one call."""

    def __init__(self, session, handle):
        self.session = session
        self.handle = handle

    def __enter__(self):
        return self.handle

    def __exit__(self, *_):
        self.session.library.value_destroy(self.handle)


def literal(value):
    """A plain Python value as the query language writes it."""
    if value is None or isinstance(value, (bool, int)):
        return repr(value)
    if isinstance(value, str):
        return '"%s"' % "".join(
            c if c.isascii() and c.isprintable() and c not in '"\\' else "\\U%08x" % ord(c) for c in value)
    raise TypeError("a %s means nothing to heapcore" % type(value).__name__)


def _evaluate(session, expression, handles):
    lib = session.library
    names = (ctypes.c_char_p * len(handles))(*(name.encode() for name in handles))
    values = (library.c_value * len(handles))(*handles.values())
    handle = library.c_value()
    lib.working(
        lib.evaluate_with, session.handle, expression.encode(), names, values, len(handles), ctypes.byref(handle))
    return handle


def _to_python(session, handle):
    lib = session.library
    kind = lib.value_type(handle)
    if kind == library.SET:
        return Set(session, handle)
    if kind == library.OTHER:
        return Value(session, handle)
    with _Handle(session, handle):
        if kind == library.INTEGER:
            return lib.value_integer(handle)
        if kind == library.BOOL:
            return bool(lib.value_integer(handle))
        return lib.value_string(handle).decode(errors="replace") if kind == library.TEXT else None


def evaluate_with(expression, **values):
    """What the expression comes to where its names are these values."""
    session = sessions.current()
    with contextlib.ExitStack() as stack:
        handles = {}
        for name, value in values.items():
            if isinstance(value, Value):
                handles[name] = value._checked(session)
            else:
                handles[name] = stack.enter_context(_Handle(session, _evaluate(session, literal(value), {})))
        return _to_python(session, _evaluate(session, expression, handles))


def _operate(left, operator, right):
    return evaluate_with("left %s right" % operator, left=left, right=right)


def evaluate(expression):
    """What an expression of the query language comes to."""
    return evaluate_with(expression)


def heap():
    """The reachable objects of the selected inferior."""
    return evaluate("heap()")


def hpy():
    """heapy's entrance: hp."""
    return evaluate("hp")


@sessions.on_drop
def _drop_values(session):
    for reference in list(_alive.values()):
        value = reference()
        if value is not None and value._session is session:
            value._drop()
