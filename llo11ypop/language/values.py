"""The values that exist in this fleet per dimension: which clusters, racks, models, users … a question can name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from llo11ypop.catalog import Catalog, Dataset, Kind
from llo11ypop.core.evidence import Evidence
from llo11ypop.query.check import missing
from llo11ypop.query.plan import Plan
from llo11ypop.query.store import TelemetryStore

MOST = 20_000
"""Values of one field that are kept; a field with more is not a thing people name."""

_PLACES = (
    "cluster",
    "site",
    "provider",
    "region",
    "zone",
    "room",
    "row",
    "rack",
    "node_id",
    "gpu_model",
    "driver",
    "vbios",
    "vendor",
    "batch",
    "cooling",
    "leaf_switch",
)
_SHARED: dict[str, tuple[str, tuple[str, ...]]] = {
    "nodes": ("inventory_nodes", _PLACES),
    "clusters": ("inventory_clusters", ("cluster", "site", "provider", "region", "gpu_model", "cooling", "orchestrator")),
    "sites": ("inventory_sites", ("site", "provider", "region", "continent")),
    "switches": ("inventory_switches", ("switch_id",)),
    "parts": ("inventory_parts", ("part_no", "part_type")),
    "technicians": ("technicians", ("technician_id",)),
    "people": ("slurm_jobs", ("user", "account", "partition", "qos")),
    "runs": ("training_runs", ("run_id", "model_name")),
}
"""Plan → dataset and the fields whose values are the same wherever the field occurs."""

_OWN: dict[str, tuple[str, ...]] = {
    "k8s_events": ("reason", "namespace", "component", "object_kind"),
    "k8s_node_conditions": ("condition",),
    "syslog": ("process", "facility"),
    "health_checks": ("check_name",),
    "slurm_queue": ("reason",),
    "maintenance_windows": ("kind", "scope_level"),
    "remediations": ("action", "actor"),
    "parts_replacements": ("reason_code",),
    "supply_chain": ("vendor",),
    "tickets": ("queue", "severity"),
    "slurm_config_changes": ("what",),
    "gpu_events": ("process_name", "collector"),
    "switch_metrics": ("firmware",),
    "fs_metrics": ("mount", "server"),
    "slurm_nodes": ("partition",),
}
"""Dataset → fields whose values mean something only there."""


@dataclass(frozen=True)
class ValueIndex:
    """Known values per field, and which cluster each place belongs to."""

    values: Mapping[str, tuple[str, ...]]
    """Field name, or 'dataset.field' where the values belong to one dataset → its values, sorted."""
    clusters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Cluster → its site, provider, region, gpu_model, cooling …"""
    runs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Training run → its model."""
    since: Mapping[str, datetime] = field(default_factory=dict)
    """Dataset → its first row; nothing can be told of what was before."""

    @classmethod
    async def read(cls, store: TelemetryStore, catalog: Catalog, at: datetime) -> "ValueIndex":
        """Read the values as of an instant with a handful of plans; what is not exported is left out. Raises StoreError."""
        exports = await store.exports()
        plans = {name: _plan(dataset, fields, catalog) for name, (dataset, fields) in _SHARED.items()}
        for dataset, fields in _OWN.items():
            for name in fields:
                plans[f"{dataset}.{name}"] = _plan(dataset, (name,), catalog, role=dataset == "fs_metrics" and name == "server")
        plans |= {f"since {n}": _first(d) for n, d in catalog.datasets.items() if d.time and d.kind in (Kind.METRIC, Kind.EVENT)}
        plans = {name: plan for name, plan in plans.items() if not missing(plan, catalog, exports)}
        found = await store.run_many(plans, at)
        values: dict[str, set[str]] = {}
        since = {n.removeprefix("since "): _instant(e) for n, e in found.items() if n.startswith("since ")}
        for name, evidence in found.items():
            if name.startswith("since "):
                continue
            fields = _SHARED[name][1] if name in _SHARED else (name,)
            for own in fields:
                column = own.rpartition(".")[2]
                values.setdefault(own, set()).update(_texts(evidence, column))
        kept = {name: tuple(sorted(v)) for name, v in values.items() if v and len(v) <= MOST}
        runs = (
            {str(r["run_id"]): {"model_name": str(r["model_name"])} for r in found["runs"].rows.to_pylist()}
            if "runs" in found
            else {}
        )
        return cls(kept, _clusters(found.get("clusters"), found.get("sites")), runs, {n: t for n, t in since.items() if t})


def _first(dataset: Dataset) -> Plan:
    return Plan.model_validate(
        {"dataset": dataset.dataset, "window": "400d", "measures": {"since": {"agg": "min", "field": dataset.time}}}
    )


def _instant(evidence: Evidence) -> datetime | None:
    first = evidence.rows.column("since").to_pylist() if "since" in evidence.rows.column_names else []
    return first[0].replace(tzinfo=UTC) if first and first[0] is not None else None


def _plan(dataset: str, fields: tuple[str, ...], catalog: Catalog, *, role: bool = False) -> Plan:
    select: dict[str, Any] = {"dataset": dataset, "by": list(fields), "measures": {"n": {"agg": "count"}}}
    if catalog.datasets[dataset].timed:
        select["window"] = "400d" if dataset != "fs_metrics" else "2d"
    if role:
        select["where"] = "role = 'server'"
    return Plan.model_validate(select)


def _texts(evidence: Evidence, column: str) -> set[str]:
    if column not in evidence.rows.column_names:
        return set()
    return {str(v) for v in evidence.rows.column(column).to_pylist() if v not in (None, "")}


def _clusters(clusters: Evidence | None, sites: Evidence | None) -> dict[str, dict[str, str]]:
    if clusters is None:
        return {}
    continents = {r["site"]: r.get("continent") for r in sites.rows.to_pylist()} if sites is not None else {}
    out = {}
    for row in clusters.rows.to_pylist():
        known = {k: str(v) for k, v in row.items() if isinstance(v, str)}
        if continents.get(row["site"]):
            known["continent"] = str(continents[row["site"]])
        out[str(row["cluster"])] = known
    return out


def shape(values: tuple[str, ...]) -> "re.Pattern[str] | None":
    r"""What identifiers of this kind look like: gpu-a-001, gpu-b-017 → `gpu-[a-z]+-\d+`; none for plain words.

    Parts that are the same in all values stay as they are; the others become letters or digits.
    """
    split = [re.findall(r"\d+|[a-z]+|[^a-z\d]", v.lower()) for v in values]
    if (
        not split
        or len({len(s) for s in split}) != 1
        or not any(len(s) > len("c-") or any(c.isdigit() for c in "".join(s)) for s in split)
    ):
        return None
    parts = []
    for column in zip(*split, strict=True):
        kinds = {"d" if p.isdigit() else "a" if p.isalpha() else p for p in column}
        if len(kinds) != 1:
            return None
        if column[0].isdigit():
            parts.append(r"\d+")
        elif column[0].isalpha():
            same = len(set(column)) == 1
            parts.append(re.escape(column[0]) if same and (len(set(values)) > 1 or len(column[0]) > 1) else "[a-z]+")
        else:
            parts.append(re.escape(column[0]))
    if not any(p == r"\d+" or (p.isalpha() and p != "[a-z]+") for p in parts):
        return None
    return re.compile("".join(parts))
