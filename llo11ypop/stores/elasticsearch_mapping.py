"""What an Elasticsearch really has: field_caps of every dataset's index, as columns of the catalog's fields."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.discovery.holding import FITS, Kind
from llo11ypop.catalog.models import Dataset, ForeignName
from llo11ypop.core.access import Access
from llo11ypop.core.errors import UnknownNameError
from llo11ypop.query.compile.es_sql_names import Index, foreign_index, own_index
from llo11ypop.stores.assembly import gathered
from llo11ypop.stores.elasticsearch_access import store_error

if TYPE_CHECKING:
    from elasticsearch import AsyncElasticsearch

AT_ONCE = 6
_NUMBERS = ("long", "integer", "short", "byte", "unsigned_long", "double", "float", "half_float", "scaled_float")
TYPE_OF: dict[str, Kind] = {
    **dict.fromkeys(("date", "date_nanos"), "timestamp"),
    **dict.fromkeys(_NUMBERS, "number"),
    **dict.fromkeys(("keyword", "constant_keyword", "wildcard", "ip", "version"), "string"),
}
"""Elasticsearch's field types → what a field of the catalog can be read from."""
TEXTS = frozenset({"text", "match_only_text"})
"""Searched word by word; compared only by a keyword sub-field."""

Caps = dict[str, dict[str, dict[str, Any]]]
"""Field → type → what field_caps says of it."""


@dataclass(frozen=True)
class Place:
    """Where the settings say that a dataset lies."""

    index: str
    aliases: str = ""
    """Alias table of the catalog: the shipper whose names the index uses; empty for the catalog's own names."""
    lookup: bool = False
    """Whether it is in lookup mode."""


def index_of(catalog: Catalog, dataset: Dataset, places: Mapping[str, Place], prefix: str, there: frozenset[str]) -> Index:
    """The dataset's index over the fields of its live mapping, and over those that can be worked out from them.

    Raises UnknownNameError for an alias table that is not there.
    """
    place = places.get(dataset.dataset)
    if place is None:
        own = own_index(dataset, prefix)
        return Index(own.pattern, {n: c for n, c in own.columns.items() if c.name in there})
    if place.aliases and place.aliases not in catalog.aliases:
        raise UnknownNameError("alias table", place.aliases, catalog.aliases, where=f"telemetry.elasticsearch: {dataset.dataset}")
    made = {n: one for n, one in catalog.runtime(dataset.dataset).items() if n not in there and one.possible(there)}
    index = foreign_index(dataset, place.index, catalog.aliases.get(place.aliases), there | set(made))
    used = {f.name for f in index.columns.values()}
    return Index(index.pattern, index.columns, {n: one for n, one in made.items() if n in used}, lookup=place.lookup)


def types_of(caps: Caps) -> dict[str, str]:
    """Field → type of everything that can be searched.

    A field with several types in the indices of a pattern is left out: Elasticsearch SQL wants them all the same. A text field
    goes by its keyword sub-field, since text cannot be grouped.
    """
    return {name: next(iter(kinds)) for name, kinds in caps.items() if len(kinds) == 1 and not name.startswith("_")}


def declared(caps: Caps, what: str, value: object) -> frozenset[str]:
    """Fields of which the mapping of a time series data stream says so."""
    return frozenset(name for name, kinds in caps.items() if any(kind.get(what) == value for kind in kinds.values()))


async def live_fields(client: "AsyncElasticsearch", access: Access, pattern: str) -> dict[str, str]:
    """Field → type of what lies below a pattern, as `types_of` says; empty when nothing matches it. Raises StoreError."""
    return types_of(await read_caps(client, access, pattern))


async def read_caps(client: "AsyncElasticsearch", access: Access, pattern: str) -> Caps:
    """field_caps of everything below a pattern; empty when nothing matches it. Raises StoreError."""
    from elasticsearch import ApiError, TransportError, UnsupportedProductError

    try:
        found = await client.perform_request(  # the client would send `fields` in a body, which OpenSearch does not read
            "GET",
            f"/{quote(pattern, safe=',*')}/_field_caps",
            params={"fields": "*", "allow_no_indices": "true", "ignore_unavailable": "true"},
            headers={"accept": "application/json"},
        )
    except (ApiError, TransportError, UnsupportedProductError) as bad:
        if getattr(bad, "status_code", None) == 404:  # noqa: PLR2004 - no such index: nothing is exported
            return {}
        raise store_error(bad, access, f"the index '{pattern}'") from bad
    return dict(found.body["fields"])


async def read_indices(
    client: "AsyncElasticsearch", access: Access, catalog: Catalog, places: Mapping[str, Place], prefix: str
) -> dict[str, Index]:
    """Every dataset that is there, with the columns that fit the catalog's types."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(dataset: Dataset) -> Index | None:
        place = places.get(dataset.dataset)
        pattern = place.index if place else own_index(dataset, prefix).pattern
        async with free:
            caps = await read_caps(client, access, pattern)
        types = types_of(caps)
        index = fitting(index_of(catalog, dataset, places, prefix, frozenset(types)), dataset, types)
        counters, dimensions = declared(caps, "time_series_metric", "counter"), declared(caps, "time_series_dimension", True)
        return index and replace(index, counters=counters, dimensions=dimensions)

    found = await gathered(one(d) for d in catalog.datasets.values())
    indices = {name: index for name, index in zip(catalog.datasets, found, strict=True) if index is not None}
    if any(index.runtime for index in indices.values()) and await _is_opensearch(client):
        return {name: _without_runtime(index) for name, index in indices.items()}
    return indices


async def _is_opensearch(client: "AsyncElasticsearch") -> bool:
    """OpenSearch has no runtime fields (its derived fields are another thing). Who may not ask is taken on trust."""
    from elasticsearch import ApiError, TransportError

    try:
        return bool((await client.info())["version"].get("distribution") == "opensearch")
    except (ApiError, TransportError):
        return False


def _without_runtime(index: Index) -> Index:
    return replace(index, columns={n: c for n, c in index.columns.items() if c.name not in index.runtime}, runtime={})


def fitting(index: Index, dataset: Dataset, types: Mapping[str, Any]) -> Index | None:
    """The index with only those columns whose type is the catalog's; none when its time or all of them are gone."""
    columns: dict[str, ForeignName] = {}
    for name, foreign in index.columns.items():
        made = index.runtime.get(foreign.name)
        kind, wanted = made.type if made else types.get(foreign.name, ""), FITS[dataset.fields[name].type]
        if kind in TEXTS and TYPE_OF.get(types.get(f"{foreign.name}.keyword", "")) in wanted:
            columns[name] = foreign.model_copy(update={"name": f"{foreign.name}.keyword"})
        elif TYPE_OF.get(kind) in wanted:
            columns[name] = foreign
    if not columns or (dataset.time and dataset.time not in columns):
        return None
    return replace(index, columns=columns)
