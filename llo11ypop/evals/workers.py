"""Processes that share the work of a score or a replay."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context

from llo11ypop.core.errors import StoreError


@contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of fresh processes. Raises StoreError (transient) when the system ends one of them."""
    try:
        with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
            yield pool
    except BrokenProcessPool as bad:
        raise StoreError(
            "a worker process was ended by the system", next_step="free memory, or use --jobs 1", transient=True
        ) from bad
