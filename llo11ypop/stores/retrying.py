"""Asking a telemetry server again where that may help."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from llo11ypop.core.errors import StoreError

TRIES = 4
FIRST_PAUSE_S = 0.25
"""Doubled after each try; our assumption."""

T = TypeVar("T")


async def tried(once: Callable[[], Awaitable[T]]) -> T:
    """What it gives at the first try that succeeds. Raises the StoreError that is not transient, or that of the last try."""
    pause = FIRST_PAUSE_S
    for left in reversed(range(TRIES)):
        try:
            return await once()
        except StoreError as bad:
            if not bad.transient or not left:
                raise
        await asyncio.sleep(pause)
        pause *= 2
    raise AssertionError("the last try returns or raises")
