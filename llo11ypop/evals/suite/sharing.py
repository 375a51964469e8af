"""The same work over many things, a few of them at once, each in a process of its own."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from llo11ypop.evals.workers import workers

A = TypeVar("A")
B = TypeVar("B")


def shared(work: Callable[[A], B], things: Sequence[A], jobs: int) -> list[B]:
    """What becomes of each thing, in the order of the things; they are begun in that order.

    With more than one job `work` and the things are sent to other processes: a module's function and what pickle knows.
    Raises what the work raises, and StoreError (transient) when the system ends a process.
    """
    if min(jobs, len(things)) <= 1:
        return [work(thing) for thing in things]
    with workers(min(jobs, len(things))) as pool:
        return list(pool.map(work, things))
