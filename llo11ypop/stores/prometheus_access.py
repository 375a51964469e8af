"""How a Prometheus, VictoriaMetrics, Mimir or Thanos is reached, and what its refusals mean for an operator."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import SecretStr

from llo11ypop.core.errors import ConfigError, StoreError

if TYPE_CHECKING:
    import httpx

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which the same request may work; 503 is also a query that was stopped (Prometheus HTTP API)."""
_NOT_ALLOWED = frozenset({401, 403})
_TOO_MUCH = 422
_LONGEST = 300


@dataclass(frozen=True)
class Access:
    """One server and who asks."""

    url: str
    """With its path, where there is one: https://mimir/prometheus, http://vmselect/select/0/prometheus."""
    token: SecretStr = field(default=SecretStr(""))
    """A bearer token; wins over user and password."""
    user: str = ""
    password: SecretStr = field(default=SecretStr(""))
    tenant: str = ""
    """Sent as X-Scope-OrgID (Mimir, Cortex) and THANOS-TENANT (Thanos)."""
    headers: Mapping[str, str] = field(default_factory=dict)
    ca: str = ""
    """File with the certificate authority of a server that signs for itself."""
    timeout_s: float = 30.0
    """For one request."""

    @property
    def name(self) -> str:
        """The server in messages: its address without a user's name and password."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}".rstrip("/")


def connect(access: Access) -> "httpx.AsyncClient":
    """A client; use it as an async context manager. Raises ConfigError for an address or file it cannot use."""
    import httpx

    headers = dict(access.headers)
    if access.tenant:
        headers |= {"X-Scope-OrgID": access.tenant, "THANOS-TENANT": access.tenant}
    token = access.token.get_secret_value()
    if token:
        headers["Authorization"] = f"Bearer {token}"
    auth = httpx.BasicAuth(access.user, access.password.get_secret_value()) if access.user and not token else None
    try:
        base = httpx.URL(access.url.rstrip("/") + "/")
        verify = ssl.create_default_context(cafile=access.ca) if access.ca else base.scheme == "https"
        if base.scheme not in ("http", "https") or not base.host:
            raise ConfigError(f"'{access.name}' is no address of a Prometheus", next_step="write it as http://host:9090")
        return httpx.AsyncClient(
            base_url=base, headers=headers, auth=auth, verify=verify, timeout=access.timeout_s, follow_redirects=False
        )
    except (httpx.InvalidURL, OSError) as bad:
        message = f"Prometheus at {access.name} cannot be set up: {bad}"
        raise ConfigError(message, next_step="check url and ca under telemetry.prometheus") from bad


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
