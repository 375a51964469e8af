"""Evidence as a Grafana snapshot: the rows themselves, so that what was read stays to be seen as it was.

Source: Grafana 13 documentation (snapshot HTTP API); the rows travel as data frames in each panel's `snapshotData`.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from llo11ypop.core.evidence import Evidence
from llo11ypop.core.window import Window, iso

DAY = timedelta(days=1)
PANELS = 24
ROWS = 500
"""Rows of a piece of evidence that are frozen; its text says how many there were (our assumption: nobody reads more)."""


def snapshot_json(title: str, evidence: Sequence[Evidence], window: Window) -> dict[str, Any]:
    """The dashboard of a snapshot: a table per piece of evidence, with its query as the description."""
    built = grafana.Dashboard(title).tags(["llo11ypop", "evidence"]).timezone("utc").readonly()
    built.time(iso(window.start), iso(window.end))
    for number, one in enumerate(evidence[:PANELS], 1):
        said = "\n\n".join(q.text for q in one.queries)[:4000]
        built.with_panel(table.Panel().id(number).title(_title(one)).description(said).height(8).span(24))
    found: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(built.build()))
    for panel, one in zip(found.get("panels", []), evidence, strict=False):
        panel["snapshotData"] = [frame(one)]
    return found


def frame(one: Evidence) -> dict[str, Any]:
    """The rows as Grafana's data frame: a list of values per field."""
    kept = one.rows.slice(0, ROWS)
    columns = {name: kept.column(name).to_pylist() for name in kept.column_names}
    fields = [
        {"name": name, "type": _type(values), "config": {}, "values": [_value(v) for v in values]}
        for name, values in columns.items()
    ]
    return {"refId": "A", "name": one.id, "fields": fields}


def _title(one: Evidence) -> str:
    more = f", the first {ROWS} shown" if one.row_count > ROWS else ""
    return f"{one.id}: {one.status}, {one.row_count} row(s){more}, as of {iso(one.at)}"


def _type(values: list[Any]) -> str:
    seen = [v for v in values if v is not None]
    if seen and all(isinstance(v, datetime) for v in seen):
        return "time"
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in seen)
    return "number" if seen and numbers else "string"


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(aware.timestamp() * 1000)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124 - NaN is not itself
    return value if value is None or isinstance(value, (int, str)) else str(value)
