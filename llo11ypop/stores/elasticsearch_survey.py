"""What lies in an Elasticsearch, whoever wrote it: index patterns, their fields, and the newest values of those that matter."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from llo11ypop.catalog.discovery import Holding
from llo11ypop.catalog.discovery.holding import Kind
from llo11ypop.core.access import Access
from llo11ypop.core.errors import StoreError
from llo11ypop.stores.assembly import gathered
from llo11ypop.stores.elasticsearch_access import store_error
from llo11ypop.stores.elasticsearch_mapping import AT_ONCE, TEXTS, TYPE_OF, Caps, read_caps

if TYPE_CHECKING:
    from elasticsearch import AsyncElasticsearch

SAMPLE = 500
"""Newest documents that are looked at per pattern (our assumption: all GPUs of some nodes)."""
MAX_PATTERNS = 200
"""More are not looked at in one go (our assumption): name those that matter."""
_STREAM = re.compile(r"((?:logs|metrics|traces|synthetics|profiling)-[^-]+)-.+")
_DATED = re.compile(r"[-_.]((\d{4}([-._]?\d{2}){0,3})|(\d{4}[-.]?w\d{1,2})|\d{6})$")
_UNITS = {"byte": "By", "nanos": "ns", "micros": "us", "ms": "ms", "s": "s", "m": "min"}
"""meta.unit of a field (Elasticsearch 9 documentation, mapping parameter meta) → UCUM; `percent` may be either."""


async def survey(
    client: "AsyncElasticsearch", access: Access, wanted: frozenset[str], *, pattern: str = "*", prefix: str = ""
) -> list[Holding]:
    """Every place below a pattern, but for hidden indices and those of our own loader. Raises StoreError."""
    names = await _names(client, access, pattern)
    patterns = sorted({family(name) for name in names if not name.rpartition(":")[2].startswith((".", *filter(None, [prefix])))})
    if len(patterns) > MAX_PATTERNS:
        message = f"{access.name}: {len(patterns):,} kinds of indices, and {MAX_PATTERNS} are looked at in one go"
        raise StoreError(message, next_step="name the ones that hold telemetry with --index")
    free = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> Holding:
        async with free:
            return await _holding(client, access, name, wanted)

    found = await gathered(one(name) for name in patterns)
    return [holding for holding in found if holding.columns]


def family(name: str) -> str:
    """The pattern that a data stream's or a dated index' siblings share."""
    cluster, colon, own = name.rpartition(":")
    stream = _STREAM.fullmatch(own)
    own = f"{stream[1]}-*" if stream else _DATED.sub(lambda m: f"{m[0][0]}*", own)
    return f"{cluster}{colon}{own}"


async def _names(client: "AsyncElasticsearch", access: Access, pattern: str) -> set[str]:
    """Data streams, and indices that are no part of one."""
    from elasticsearch import ApiError, TransportError, UnsupportedProductError

    try:
        found = await client.indices.resolve_index(name=pattern, expand_wildcards="open")
    except (ApiError, TransportError, UnsupportedProductError) as bad:
        raise store_error(bad, access, f"the index '{pattern}'") from bad
    streams = {one["name"] for one in found["data_streams"]}
    return streams | {one["name"] for one in found["indices"] if not one.get("data_stream")}


async def _holding(client: "AsyncElasticsearch", access: Access, pattern: str, wanted: frozenset[str]) -> Holding:
    caps = await read_caps(client, access, pattern)
    columns = {name: _kind(name, caps) for name in caps if not name.startswith("_")}
    looked = sorted(n for n in columns if columns[n] in ("timestamp", "number", "string") and n in wanted)
    values, sampled = await _sample(client, pattern, looked, columns)
    return Holding(
        pattern=pattern,
        columns=columns,
        native={name: " and ".join(sorted(caps[name])) for name in columns},
        values=values,
        sampled=sampled,
        units={name: unit for name, kinds in caps.items() if (unit := _unit(kinds))},
    )


def _kind(name: str, caps: Caps) -> Kind:
    kinds = set(caps[name])
    if len(kinds) > 1:
        return "mixed"
    native = next(iter(kinds))
    if native in TEXTS:
        below = set(caps.get(f"{name}.keyword", ()))
        return "string" if len(below) == 1 and TYPE_OF.get(next(iter(below))) == "string" else "text"
    return TYPE_OF.get(native, "other")


def _unit(kinds: Mapping[str, Any]) -> str:
    said = {unit for kind in kinds.values() for unit in kind.get("meta", {}).get("unit", ())}
    return _UNITS.get(said.pop(), "") if len(said) == 1 else ""


async def _sample(
    client: "AsyncElasticsearch", pattern: str, names: Iterable[str], columns: Mapping[str, Kind]
) -> tuple[dict[str, tuple[Any, ...]], int]:
    """The newest documents' values, and how many documents; nothing where they may not be read."""
    from elasticsearch import ApiError, TransportError

    times = [n for n in ("@timestamp", "@end", *sorted(columns)) if columns.get(n) == "timestamp"]
    order = [{times[0]: {"order": "desc", "unmapped_type": "date"}}] if times else None
    try:
        found = await client.search(
            index=pattern,
            size=SAMPLE,
            source=False,
            fields=[{"field": name} for name in names],
            sort=order,
            track_total_hits=False,
            allow_partial_search_results=False,
        )
    except (ApiError, TransportError):
        return {}, 0
    hits = [hit.get("fields", {}) for hit in found["hits"]["hits"]]
    values = {name: tuple(v for hit in hits for v in hit.get(name, ()) if v is not None) for name in names}
    return values, len(hits)
