"""One model of one server: its circuit breaker, and how many requests it gets at a time."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from llo11ypop.core.breaker import Breaker
from llo11ypop.models.config import Circuit, Endpoint, Models
from llo11ypop.models.port import Reason, Refused
from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

log = logger(__name__)

DOWN = frozenset({Reason.TIMEOUT, Reason.RATE_LIMITED, Reason.UNREACHABLE, Reason.AUTH, Reason.NOT_CONFIGURED})
"""What says something about the endpoint and not about the question."""


class Place:
    """The endpoints of all roles that use the same model of the same server."""

    def __init__(self, model: str, base_url: str, limit: int, circuit: Circuit) -> None:
        self._model, self._base_url, self._limit = model, base_url, limit
        self._breaker = Breaker(circuit.failures, circuit.rest)
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    @asynccontextmanager
    async def turn(self, timeout_s: float) -> AsyncIterator[None]:
        """Wait for a turn. Raises Refused: the queue is too long, or the endpoint is left alone."""
        queue = self._queues.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(self._limit))
        try:
            async with asyncio.timeout(timeout_s):
                await queue.acquire()
        except TimeoutError as bad:
            raise Refused(Reason.TIMEOUT, f"{self._model}: no turn within {timeout_s:g} s, {self._limit} at a time") from bad
        try:
            if not self._breaker.enter(time.monotonic()):
                raise Refused(
                    Reason.CIRCUIT_OPEN, f"{self._model} failed {self._breaker.failed} times in a row and is left alone"
                )
            yield
        finally:
            queue.release()

    def ended(self, reason: str | None) -> None:
        """Tell how a request ended: None, or the reason for which there is no answer."""
        if reason in DOWN:
            was_open = self._breaker.open_until_s is not None
            if self._breaker.broke(time.monotonic()) and not was_open:
                log.warning(Event.MODEL_CIRCUIT_OPENED, model=self._model, url=self._base_url, reason=reason)
        elif self._breaker.succeeded():
            log.info(Event.MODEL_CIRCUIT_CLOSED, model=self._model, url=self._base_url)
        metrics.MODEL_CIRCUIT_OPEN.labels(self._model).set(self._breaker.open_until_s is not None)


class Places:
    """All of them."""

    def __init__(self, models: Models) -> None:
        self._circuit = models.circuit_breaker
        self._limits: dict[tuple[str, str], int] = {}
        for one in models.endpoints.values():
            self._limits[one.place] = min(one.max_in_flight, self._limits.get(one.place, one.max_in_flight))
        self._places: dict[tuple[str, str], Place] = {}

    def of(self, one: Endpoint) -> Place:
        """The place of an endpoint."""
        if one.place not in self._places:
            limit = self._limits.get(one.place, one.max_in_flight)
            self._places[one.place] = Place(one.model, one.base_url, limit, self._circuit)
        return self._places[one.place]
