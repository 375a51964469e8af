"""What `doctor` says about Elasticsearch: reached, asked in SQL, privileges, indices, fields, and its clock."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from llo11ypop.cli.doctor_caps import capped
from llo11ypop.cli.doctor_clock import Found, dated, said
from llo11ypop.core.clock import SystemClock
from llo11ypop.core.errors import Llo11yPopError, StoreError

if TYPE_CHECKING:
    from elasticsearch import AsyncElasticsearch

    from llo11ypop.catalog import Catalog
    from llo11ypop.core.access import Access
    from llo11ypop.settings import Settings
    from llo11ypop.stores.elasticsearch_mapping import Place

NEEDED = ("read", "view_index_metadata")
DISCOVER = "see what is there with 'llo11ypop catalog discover'"
_NAMED = 5
_NOT_TOLD = 403
"""To a key that has privileges on indices alone, which is enough."""


async def examine_elasticsearch(settings: "Settings", catalog: "Catalog") -> list[Found]:
    """A line per thing that was checked; none where no Elasticsearch is used. Raises ConfigError."""
    from llo11ypop.daemon.elasticsearch import access, places
    from llo11ypop.stores.elasticsearch_access import connect

    section = settings.telemetry.elasticsearch
    lie = places(section, catalog)
    whole = settings.telemetry.store == "elasticsearch"
    if not whole and not lie:
        return []
    there = access(section)
    found: list[Found] = []
    async with connect(there, plain=section.language != "sql") as client:
        try:
            reached, opensearch = await _reached(client, there)
            found += reached
        except Llo11yPopError as bad:
            return [("fail", bad.line())]
        own = [f"{section.prefix}*"] if whole and not lie else []
        if not opensearch:
            if section.language == "esql":
                found += await _asked_in_esql(client)
            elif section.language != "dsl":
                found += await _asked_in_sql(client, alone=section.language == "sql")
            found += await _allowed(client, sorted({p.index for p in lie.values()} | set(own)))
            found += await capped(client, sorted({p.index for p in lie.values()} | set(own)))
        try:
            found += await _indices(client, there, catalog, lie)
        except Llo11yPopError as bad:
            found.append(("fail", bad.line()))
    if not opensearch and section.language in ("auto", "sql") and all(state != "fail" for state, _ in found):
        found += await _preflight(settings, catalog)
    return found


async def _preflight(settings: "Settings", catalog: "Catalog") -> list[Found]:
    """Whether the cluster could run the SQL of every playbook and goal, without running any."""
    from llo11ypop.core.vocabulary import Area
    from llo11ypop.daemon.elasticsearch import elasticsearch
    from llo11ypop.playbooks import load_goals, load_playbooks

    at = SystemClock().now()
    plans = dict(load_playbooks(settings.config_dir, catalog).plans(tuple(Area), at=at))
    for goal in load_goals(settings.config_dir, catalog):
        plans |= goal.plans()
    try:
        found = await elasticsearch(settings.telemetry.elasticsearch, catalog).preflight(plans, at)
    except Llo11yPopError as bad:
        return [("warn", f"its SQL could not be held against POST /_sql/translate ({bad}) — try again")]
    told = f"{found.accepted} queries of playbooks and goals would be run (POST /_sql/translate)"
    lines: list[Found] = [("ok", told)] if found.accepted else []
    step = "report it, and set telemetry.elasticsearch.language to esql meanwhile"
    return lines + [("warn", f"{dataset}: a query would be refused ({why}) — {step}") for dataset, why in found.refused[:_NAMED]]


async def _reached(client: "AsyncElasticsearch", there: "Access") -> tuple[list[Found], bool]:
    """Who answers, and whether that is OpenSearch, which has neither this SQL nor these privileges. Raises StoreError."""
    from elasticsearch import ApiError, TransportError, UnsupportedProductError

    from llo11ypop.stores.elasticsearch_access import store_error

    try:
        answer = await client.info()
    except (ApiError, TransportError, UnsupportedProductError) as bad:
        if getattr(bad, "status_code", None) == _NOT_TOLD:
            return [("ok", f"{there.name}: reached; its version is not told to this key")], False
        raise store_error(bad, there, "its version") from bad
    version = answer.body.get("version") if isinstance(answer.body, dict) else None
    if not isinstance(version, dict):
        raise StoreError(f"{there.name}: what answers there is not Elasticsearch", next_step="check telemetry.elasticsearch.url")
    opensearch = version.get("distribution") == "opensearch"
    kind, how = ("OpenSearch", ", asked in the Query DSL") if opensearch else ("Elasticsearch", "")
    named = f"{kind} {version.get('number', '')}{how}, cluster '{answer.body.get('cluster_name', '')}'"
    found = [("ok", f"{there.name}: {named}")]
    return [*found, *said(there.name, dated(answer.meta.headers.get("date")), SystemClock().now())], opensearch


async def _asked_in_sql(client: "AsyncElasticsearch", *, alone: bool) -> list[Found]:
    """Whether `_sql` answers; it tells its clock too, since Elasticsearch itself sends no Date header.

    `alone`: the settings allow no other language.
    """
    from elasticsearch import ApiError, TransportError

    from llo11ypop.stores.elasticsearch_access import reason_of

    try:
        answer = await client.sql.query(query="SELECT CURRENT_TIMESTAMP() AS now", time_zone="Z", format="json")
        theirs = datetime.fromisoformat(answer["rows"][0][0]).astimezone(UTC)
    except ApiError as bad:
        step = "set telemetry.elasticsearch.language to auto or dsl" if alone else "nothing: the Query DSL is used instead"
        return [("fail" if alone else "warn", f"SQL is not answered there ({reason_of(bad)}) — {step}")]
    except TransportError as bad:
        return [("fail", f"SQL: {' '.join(str(bad).split())[:200]} — try again")]
    return [("ok", "SQL is answered (POST /_sql)"), *said("the clock of its SQL", theirs, SystemClock().now())]


async def _asked_in_esql(client: "AsyncElasticsearch") -> list[Found]:
    """Whether `_query` answers, and by which clock."""
    from elasticsearch import ApiError, TransportError

    from llo11ypop.stores.elasticsearch_access import reason_of

    try:
        answer = await client.esql.query(query="ROW now = NOW() | LIMIT 1", allow_partial_results=False, format="json")
        theirs = datetime.fromisoformat(answer["values"][0][0]).astimezone(UTC)
    except ApiError as bad:
        return [("fail", f"ES|QL is not answered there ({reason_of(bad)}) — set telemetry.elasticsearch.language to auto")]
    except TransportError as bad:
        return [("fail", f"ES|QL: {' '.join(str(bad).split())[:200]} — try again")]
    return [("ok", "ES|QL is answered (POST /_query)"), *said("the clock of its ES|QL", theirs, SystemClock().now())]


async def _allowed(client: "AsyncElasticsearch", names: list[str]) -> list[Found]:
    from elasticsearch import ApiError, TransportError

    from llo11ypop.stores.elasticsearch_access import reason_of

    try:
        answer = await client.security.has_privileges(index=[{"names": names, "privileges": list(NEEDED)}])
    except ApiError as bad:
        if "no handler" in reason_of(bad):
            return [("warn", "its security is off: anybody who reaches it may read and delete — enable xpack.security")]
        return [("warn", f"privileges could not be read ({reason_of(bad)}) — give the key the privilege to ask for its own")]
    except TransportError as bad:
        return [("fail", f"privileges: {' '.join(str(bad).split())[:200]} — try again")]
    lacking = {
        name: [p for p in NEEDED if not may.get(p)]
        for name, may in answer["index"].items()
        if not all(may.get(p) for p in NEEDED)
    }
    if not lacking:
        return [("ok", f"{answer['username']} may {' and '.join(NEEDED)} {', '.join(names[:_NAMED])}")]
    return [
        ("fail", f"{answer['username']} lacks {' and '.join(missing)} on {name} — grant it to the key or role")
        for name, missing in sorted(lacking.items())
    ]


async def _indices(client: "AsyncElasticsearch", there: "Access", catalog: "Catalog", lie: "Mapping[str, Place]") -> list[Found]:
    """A line per dataset that lies in an index of another name. Raises StoreError and UnknownNameError."""
    from llo11ypop.stores.elasticsearch_mapping import fitting, index_of, read_caps

    found: list[Found] = []
    for name, place in sorted(lie.items()):
        dataset = catalog.datasets[name]
        caps = await read_caps(client, there, place.index)
        if not caps:
            found.append(("fail", f"{name}: no index is called {place.index} — {DISCOVER}"))
            continue
        types = {field: next(iter(kinds)) for field, kinds in caps.items() if len(kinds) == 1}
        index = index_of(catalog, dataset, lie, "", frozenset(types))
        kept = fitting(index, dataset, types)
        if kept is None:
            found.append(("fail", f"{name}: {place.index} has no usable time of it ('{dataset.time}') — {DISCOVER}"))
            continue
        found.append(("ok", f"{name}: {len(kept.columns)} of {len(dataset.fields)} fields in {place.index}"))
        found += _gone(catalog, name, place, set(kept.columns))
        mixed = sorted(f for f, kinds in caps.items() if len(kinds) > 1 and _names(catalog, name, place, f))
        if mixed:
            step = "give all indices of the pattern one type, or name fewer of them"
            found.append(("warn", f"{name}: {_some(mixed)} of {place.index} have several types — {step}"))
    return found


def _gone(catalog: "Catalog", name: str, place: "Place", kept: set[str]) -> list[Found]:
    """Fields that the fleet's own table names and that are no longer there."""
    if place.aliases not in catalog.own:
        return []
    named = {c.partition(".")[2] for c in catalog.aliases[place.aliases].names if c.startswith(f"{name}.")}
    if gone := sorted(named - kept):
        return [("warn", f"{name}: {_some(gone)} are not in the mapping any more — run 'llo11ypop catalog discover' again")]
    return []


def _names(catalog: "Catalog", name: str, place: "Place", foreign: str) -> bool:
    table = catalog.aliases.get(place.aliases)
    names = table.names.items() if table else ()
    return any(foreign == f.name for c, found in names if c.startswith(f"{name}.") for f in found)


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
