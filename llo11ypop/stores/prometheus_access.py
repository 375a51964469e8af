"""How a Prometheus, VictoriaMetrics, Mimir or Thanos is reached, and what its refusals mean for an operator."""

from typing import TYPE_CHECKING

from llo11ypop.core.access import Access, http_client
from llo11ypop.core.errors import StoreError

if TYPE_CHECKING:
    import httpx

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which the same request may work; 503 is also a query that was stopped (Prometheus HTTP API)."""
_NOT_ALLOWED = frozenset({401, 403})
_TOO_MUCH = 422
_LONGEST = 300


def connect(access: Access) -> "httpx.AsyncClient":
    """A client; use it as an async context manager. Raises ConfigError for an address or file it cannot use."""
    return http_client(access, "Prometheus", "telemetry.prometheus", "http://host:9090")


def unreachable(bad: Exception, access: Access, what: str) -> StoreError:
    """What went wrong on the way there or back."""
    import httpx

    place = f"Prometheus at {access.name}"
    if isinstance(bad, (httpx.TimeoutException, TimeoutError)):
        return StoreError(f"{place}: no answer in time about {what}", next_step="try again, or ask for less", transient=True)
    if "CERTIFICATE_VERIFY_FAILED" in str(bad):
        return StoreError(f"{place}: its certificate is not trusted", next_step="set telemetry.prometheus.ca to its authority")
    if isinstance(bad, httpx.TransportError):
        return StoreError(f"{place}: cannot be reached", next_step="check that it runs and the address is right", transient=True)
    return StoreError(f"{place}: {' '.join(str(bad).split())[:_LONGEST]}", next_step="check that the address is a Prometheus")


def answered(status: int, reason: str, access: Access, what: str) -> StoreError:
    """What a server that answers with an error says about `what`."""
    place, reason = f"Prometheus at {access.name}", " ".join(reason.split())[:_LONGEST]
    if status in _NOT_ALLOWED:
        step = "give telemetry.prometheus a token, or user and password, that may query; Mimir wants a tenant too"
        return StoreError(f"{place}: not allowed to ask about {what} ({status})", next_step=step)
    if status in TRANSIENT:
        return StoreError(f"{place}: busy or incomplete for {what} ({status}): {reason}", next_step="try again", transient=True)
    if status == _TOO_MUCH:
        step = "ask for a shorter window, or raise the server's limits (query.max-samples)"
        return StoreError(f"{place}: could not work out {what} ({status}): {reason}", next_step=step)
    return StoreError(f"{place}: refused {what} ({status}): {reason}", next_step="check url under telemetry.prometheus")
