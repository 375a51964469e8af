"""How a server is reached over HTTP and who asks it: one record for Elasticsearch, Prometheus and Grafana."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import SecretStr

from llo11ypop.core.errors import ConfigError

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True)
class Access:
    """One server and who asks."""

    url: str
    """With its path, where there is one (https://mimir/prometheus); of a cluster the addresses of its nodes, with commas."""
    token: SecretStr = field(default=SecretStr(""))
    """A bearer token, or the API key of an Elasticsearch; wins over user and password."""
    user: str = ""
    password: SecretStr = field(default=SecretStr(""))
    ca: str = ""
    """File with the certificate authority of a server that signs for itself."""
    timeout_s: float = 30.0
    """For one request."""
    tenant: str = ""
    """Sent as X-Scope-OrgID (Mimir, Cortex) and THANOS-TENANT (Thanos)."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def urls(self) -> tuple[str, ...]:
        """The address of each node."""
        return tuple(url.strip() for url in self.url.split(",") if url.strip())

    @property
    def name(self) -> str:
        """The server in messages: its first address without a user's name and password."""
        scheme, _, rest = self.urls[0].partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}".rstrip("/")


def http_client(access: Access, kind: str, setting: str, example: str) -> "httpx.AsyncClient":
    """A client of one server; use it as an async context manager.

    `kind`, `setting` and `example` say what it is, where it is set and how. Raises ConfigError for an address or file that it
    cannot use.
    """
    import ssl

    import httpx

    headers = {"Accept": "application/json", **access.headers}
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
            raise ConfigError(f"'{access.name}' is no address of a {kind}", next_step=f"write it as {example}")
        return httpx.AsyncClient(base_url=base, headers=headers, auth=auth, verify=verify, timeout=access.timeout_s)
    except (httpx.InvalidURL, OSError) as bad:
        message = f"{kind} at {access.name} cannot be set up: {bad}"
        raise ConfigError(message, next_step=f"check url and ca under {setting}") from bad
