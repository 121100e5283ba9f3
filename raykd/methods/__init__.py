"""Distillation methods, one file each; each plugs into one of the four seams (`raykd.protocols.method`).

What a method of one's own is made of is handed on here.
"""

from raykd.data.dataset import Batch
from raykd.protocols.context import BuildContext
from raykd.protocols.method import Clock, Ratio, Route, Shapes, Start, Swap, Term, TermSpec

__all__ = ["Batch", "BuildContext", "Clock", "Ratio", "Route", "Shapes", "Start", "Swap", "Term", "TermSpec"]
