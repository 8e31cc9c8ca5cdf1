"""heapy's sets over gdb's inferior, as Python objects.

    import heapcore
    h = heapcore.hpy().heap()
    h[0].byrcs
    [hex(address) for address in h & "__main__.Session"]
"""
from .values import Set, Value, evaluate, heap, hpy

__all__ = ["Set", "Value", "evaluate", "heap", "hpy"]
