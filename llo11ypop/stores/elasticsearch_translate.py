"""Whether a cluster could run the SQL of plans: POST /_sql/translate, which plans a query and reads nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llo11ypop.core.evidence import Query
from llo11ypop.query.compile.es_native import EsCompiled
from llo11ypop.stores.assembly import gathered
from llo11ypop.stores.elasticsearch_access import reason_of, store_error
from llo11ypop.stores.elasticsearch_read import AT_ONCE, Reader
from llo11ypop.stores.elasticsearch_sql import SqlReader


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a cluster said of queries that it was not asked to run."""

    accepted: int
    refused: tuple[tuple[str, str], ...]
    """(dataset, why), each once."""
    left: int
    """Queries that cannot be held so: in another language, or over fields that are worked out as they are read."""


async def translated(reader: Reader, scans: Sequence[EsCompiled]) -> Preflight:
    """Every query of scans, translated by the cluster. Raises StoreError where it is not reached."""
    asked = [(scan.dataset, reader.query(native, scan.dataset)) for scan in scans for native in scan.natives]
    plain = [(d, q) for d, q in asked if q.engine == SqlReader.engine and not reader.mappings(d, q.text)]
    free = asyncio.Semaphore(AT_ONCE)

    async def held(dataset: str, query: Query) -> tuple[str, str]:
        async with free:
            return dataset, await _reason(reader, dataset, query)

    found = await gathered(held(dataset, query) for dataset, query in plain)
    refused = tuple(dict.fromkeys(one for one in found if one[1]))
    return Preflight(sum(not why for _, why in found), refused, len(asked) - len(plain))


async def _reason(reader: Reader, dataset: str, query: Query) -> str:
    """Why a query is refused; empty where it is not."""
    from elasticsearch import ApiError, TransportError

    try:
        await reader.client.sql.translate(query=inlined(query.text, query.params), time_zone="Z")
    except ApiError as bad:
        return reason_of(bad)
    except TransportError as bad:
        raise store_error(bad, reader.access, f"dataset '{dataset}'") from bad
    return ""


def inlined(text: str, params: Sequence[Any]) -> str:
    """A query with its values in it, since translate takes no parameters; only ever sent where nothing is run."""
    parts = text.split("?")
    if len(parts) != len(params) + 1:
        raise ValueError(f"{len(params)} values for {len(parts) - 1} places")
    return "".join(part + literal for part, literal in zip(parts, [*map(_literal, params), ""], strict=True))


def _literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return repr(value)
    return "'" + str(value).replace("'", "''") + "'"
