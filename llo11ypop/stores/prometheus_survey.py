"""What lies in a Prometheus: its metrics and labels, declared units, and the values of those metrics that matter."""

import re
from datetime import UTC
from typing import Any

from llo11ypop.catalog.discovery import Holding
from llo11ypop.catalog.discovery.holding import Kind
from llo11ypop.core.access import Access
from llo11ypop.core.clock import SystemClock
from llo11ypop.core.errors import StoreError
from llo11ypop.query.compile.promql_names import legal
from llo11ypop.stores.prometheus_access import connect
from llo11ypop.stores.prometheus_http import Reader

DEADLINE_S = 60.0
_IN = re.compile(r"\(in ([^)]+)\)")
_UNITS = {
    "C": "Cel", "MHz": "MHz", "W": "W", "mJ": "mJ", "%": "%", "MiB": "MiBy", "us": "us", "ns": "ns", "KB": "KiBy", "B": "By",
    "bytes": "By", "seconds": "s", "celsius": "Cel", "watts": "W", "ratio": "1", "volts": "V", "joules": "J",
}  # fmt: skip
"""Units as dcgm-exporter writes them into its help texts, and as OpenMetrics declares them → UCUM."""


async def survey(access: Access, wanted: frozenset[str]) -> Holding:
    """All of it as one place. `wanted` are the names that are worth a look. Raises StoreError."""
    async with connect(access) as client:
        reader = Reader(client, access, SystemClock().now(), DEADLINE_S)
        metrics = sorted(await reader.ask("label/__name__/values", {}, ""))
        known = {legal(name) for name in wanted}
        looked = [name for name in metrics if name in known or any(name.endswith(f"_{field}") for field in wanted)]
        labels = await reader.ask("labels", {"match[]": _any_of(looked)}, "") if looked else []
        columns: dict[str, Kind] = {label: "label" for label in sorted(labels) if not label.startswith("__")}
        columns |= dict.fromkeys(metrics, "number")
        values, series = await _values(reader, looked)
        metadata = await _metadata(reader)
    return Holding(
        pattern=access.name,
        columns=columns,
        native={name: str(said[0].get("type", "")) for name, said in metadata.items() if name in columns and said},
        values=values,
        sampled=sum(series.values()),
        series=series,
        units={name: unit for name, said in metadata.items() if (unit := _unit(said))},
        metrics=True,
    )


def _any_of(names: list[str]) -> str:
    return f'{{__name__=~"{"|".join(names)}"}}'


async def _values(reader: Reader, names: list[str]) -> tuple[dict[str, tuple[Any, ...]], dict[str, int]]:
    """Lowest, middle and highest value now, and how many series each has."""
    if not names:
        return {}, {}
    found: dict[str, dict[str, float]] = {}
    at = f"{reader.at.astimezone(UTC).timestamp():.3f}"
    for what in ("min", "quantile", "max", "count"):
        share = "0.5, " if what == "quantile" else ""
        query = f"{what} by (__name__) ({share}last_over_time({_any_of(names)}[1h]))"
        body = await reader.ask("query", {"query": query, "time": at}, "")
        for one in body["result"]:
            found.setdefault(one["metric"].get("__name__", ""), {})[what] = float(one["value"][1])
    return {n: (f["min"], f["quantile"], f["max"]) for n, f in found.items()}, {n: int(f["count"]) for n, f in found.items()}


async def _metadata(reader: Reader) -> dict[str, list[dict[str, Any]]]:
    """Type, help and unit of each metric; nothing from servers that keep none."""
    try:
        found: dict[str, list[dict[str, Any]]] = await reader.ask("metadata", {}, "")
    except StoreError as bad:
        if bad.transient:
            raise
        return {}
    return found


def _unit(said: list[dict[str, Any]]) -> str:
    first = said[0] if said else {}
    written = _IN.search(str(first.get("help", "")))
    return _UNITS.get(str(first.get("unit") or (written[1] if written else "")), "")
