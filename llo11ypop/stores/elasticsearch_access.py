"""How an Elasticsearch or OpenSearch is reached, and what its refusals mean for an operator.

The official client does transport, authentication and TLS; it is imported when a store is used. It speaks a media type that only
Elasticsearch 8 and later know, and wants to be told that it talks to Elasticsearch; a plain connection does without both.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from llo11ypop.core.access import Access
from llo11ypop.core.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from elasticsearch import AsyncElasticsearch

TRANSIENT = frozenset({429, 502, 503, 504})
"""Statuses after which the same request may work: too many requests, no shard, no node, too late (Elasticsearch 9, REST API)."""
_NOT_ALLOWED = frozenset({401, 403})
_MISSING = 404
_NO_MEDIA_TYPE = 406
_UNKNOWN_PATH = frozenset({400, 404, 405})
_NO_SUCH_PATH = ("no handler found for uri", "uri [/_sql", "uri [/_query")
_LONGEST = 300


class NotThisWayError(StoreError):
    """The cluster works, but not this way: no SQL, or not Elasticsearch but OpenSearch. Another language may do."""


def connect(access: Access, *, plain: bool = False) -> "AsyncElasticsearch":
    """A client; use it as an async context manager. Raises ConfigError for an address or file it cannot use.

    A `plain` one sends and takes ordinary JSON, and talks to OpenSearch too.
    """
    from elasticsearch import AsyncElasticsearch

    options: dict[str, Any] = {"node_class": plain_node()} if plain else {}
    options |= {"request_timeout": access.timeout_s, "max_retries": 0, "retry_on_timeout": False}
    if token := access.token.get_secret_value():
        options["api_key"] = token
    elif access.user:
        options["basic_auth"] = (access.user, access.password.get_secret_value())
    if access.ca:
        options["ca_certs"] = access.ca
    try:
        return AsyncElasticsearch(list(access.urls), **options)
    except (ValueError, OSError) as bad:
        message = f"Elasticsearch at {access.name} cannot be set up: {bad}"
        raise ConfigError(message, next_step="check url and ca under telemetry.elasticsearch") from bad


@cache
def plain_node() -> type:
    """A connection whose headers any cluster understands."""
    from elastic_transport import AiohttpHttpNode, HttpHeaders

    class PlainNode(AiohttpHttpNode):
        async def perform_request(  # type: ignore[override]
            self, method: str, target: str, body: bytes | None = None, headers: HttpHeaders | None = None, **options: Any
        ) -> Any:
            plain = HttpHeaders({**(headers or {}), "accept": "application/json"})
            if "content-type" in plain:
                plain["content-type"] = "application/x-ndjson" if "ndjson" in plain["content-type"] else "application/json"
            answer = await super().perform_request(method, target, body=body, headers=plain, **options)
            answer.meta.headers = HttpHeaders({**answer.meta.headers, "x-elastic-product": "Elasticsearch"})
            return answer

    return PlainNode


def store_error(bad: Exception, access: Access, what: str) -> StoreError:
    """What the client or the cluster said about reading or writing `what`, as one line and the next thing to do."""
    from elasticsearch import ApiError, ConnectionTimeout, SSLError, UnsupportedProductError
    from elasticsearch import ConnectionError as NoConnection

    place = f"Elasticsearch at {access.name}"
    if isinstance(bad, UnsupportedProductError):
        step = "check telemetry.elasticsearch.url; for OpenSearch set telemetry.elasticsearch.language to dsl"
        return NotThisWayError(f"{place}: what answers there is not Elasticsearch", next_step=step)
    if isinstance(bad, ApiError):
        return _answered(bad.status_code, reason_of(bad), place, what)
    if isinstance(bad, (ConnectionTimeout, TimeoutError)):
        return StoreError(f"{place}: no answer in time about {what}", next_step="try again, or ask for less", transient=True)
    if isinstance(bad, SSLError):
        return StoreError(f"{place}: its certificate is not trusted", next_step="set telemetry.elasticsearch.ca to its authority")
    if isinstance(bad, NoConnection):
        return StoreError(f"{place}: cannot be reached", next_step="check that it runs and the address is right", transient=True)
    return StoreError(f"{place}: {' '.join(str(bad).split())[:_LONGEST]}", next_step="check that the address is an Elasticsearch")


def _answered(status: int, reason: str, place: str, what: str) -> StoreError:
    unknown = status in _UNKNOWN_PATH and any(said in reason for said in _NO_SUCH_PATH)
    if status == _NO_MEDIA_TYPE or unknown:
        step = "set telemetry.elasticsearch.language to dsl"
        return NotThisWayError(f"{place}: cannot be asked this way ({status}): {reason}", next_step=step)
    if status in _NOT_ALLOWED:
        step = "give telemetry.elasticsearch an API key (or user) with the privileges read and view_index_metadata"
        return StoreError(f"{place}: not allowed to use {what} ({status})", next_step=step)
    if status == _MISSING:
        return StoreError(f"{place}: {what} is not there: {reason}", next_step="check the index under telemetry.elasticsearch")
    if status in TRANSIENT:
        return StoreError(f"{place}: busy or incomplete for {what} ({status}): {reason}", next_step="try again", transient=True)
    return StoreError(f"{place}: refused {what} ({status}): {reason}")


def reason_of(bad: Any) -> str:
    """The type and reason that an error answer of Elasticsearch names, on one line."""
    error = bad.body.get("error") if isinstance(bad.body, dict) else bad.body
    if isinstance(error, dict):
        causes = error.get("root_cause") or [error]
        below = (error.get("caused_by") or {}).get("reason") or ""
        error = f"{causes[0].get('type', '')}: {causes[0].get('reason') or error.get('reason', '')}"
        error += f" ({below})" if below and below not in error else ""
    return " ".join(str(error).split())[:_LONGEST]
