"""heapcore in gdb: `source` this file, then `py-heap help`.

Registers the command py-heap and the functions $py_heap_count and $py_heap_addr. The library is loaded when it is
first needed.
"""
import os
import sys

_here = os.path.dirname(os.path.abspath(os.path.realpath(__file__)))
if _here not in sys.path:
    sys.path.insert(0, _here)

import heapcore.commands  # noqa: E402  the package beside this file

heapcore.commands.register()
