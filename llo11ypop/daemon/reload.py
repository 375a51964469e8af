"""Takes over a changed configuration: read when the directory changes, swapped in between two cycles.

The directory is watched, not the file: a mounted ConfigMap changes by swapping a symbolic link beside it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger
from llo11ypop.settings import Settings

log = logger(__name__)
T = TypeVar("T")

_FIXED = ("telemetry", "ledger", "console", "logging", "cycle", "jobs", "report", "channels")
"""Sections that are read once, at the start."""


@dataclass
class Swap(Generic[T]):
    """A value that is replaced only at a border."""

    current: T
    pending: T | None = None

    def take(self) -> bool:
        """Make the pending value the current one; False when there is none."""
        if self.pending is None:
            return False
        self.current, self.pending = self.pending, None
        return True


@dataclass
class Reload(Generic[T]):
    """Reads, checks and lays ready; a mistake changes nothing."""

    load: Callable[[], Settings]
    build: Callable[[Settings], Awaitable[T]]
    swap: Swap[T]
    settings: Settings
    last_error: str = ""
    _hash: str = field(default="")

    def __post_init__(self) -> None:
        """Remember what runs now."""
        self._hash = self.settings.config_hash

    async def check(self) -> bool:
        """Look once; True when a new configuration lies ready."""
        try:
            fresh = self.load()
            config_hash = fresh.config_hash
            if config_hash == self._hash:
                return False
            self.swap.pending = await self.build(fresh)
        except (Llo11yPopError, OSError) as bad:
            self.last_error = bad.line() if isinstance(bad, Llo11yPopError) else str(bad)
            metrics.CONFIG_RELOAD_FAILURES.inc()
            log.error(Event.CONFIG_REFUSED, why=self.last_error, kept=self._hash)
            return False
        fixed = [name for name in _FIXED if getattr(fresh, name) != getattr(self.settings, name)]
        if fixed:
            log.warning(Event.CONFIG_NEEDS_RESTART, sections=fixed)
        self.settings, self._hash, self.last_error = fresh, config_hash, ""
        metrics.CONFIG_RELOADS.inc()
        log.info(Event.CONFIG_RELOADED, config_hash=config_hash)
        return True

    async def watch(self, directory: Path, stop: asyncio.Event) -> None:
        """Check at every change until `stop`."""
        from watchfiles import awatch

        async for _ in awatch(directory, stop_event=stop, watch_filter=None, debounce=400):
            await self.check()
