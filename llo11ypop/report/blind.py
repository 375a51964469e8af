"""What telemetry did not show: datasets this fleet does not export, those that fell silent, nodes without a sample."""

from datetime import datetime, timedelta

from llo11ypop.agents.reporter.facts import Blind, Period
from llo11ypop.catalog import Catalog
from llo11ypop.query.plan import Plan
from llo11ypop.report.deps import Notebook, gap, rows

SILENT_AFTER = 3
"""Steps without a row (as the loop's own observation of silence)."""
LAST = timedelta(hours=1)


async def measure_blind(book: Notebook, catalog: Catalog, period: Period) -> Blind:
    """Blind spots at the end of the period. Raises StoreError."""
    exports = await book.store.exports()
    missing = tuple(sorted(n for n in catalog.datasets if not exports.has(n)))
    fields = tuple(
        f"{name}.{field}"
        for name, dataset in sorted(catalog.datasets.items())
        if exports.has(name)
        for field in dataset.fields
        if not exports.has(name, field)
    )
    seen = await book.store.coverage(period.end, period.start)
    silent: list[tuple[str, datetime | None]] = []
    for name, coverage in sorted(seen.items()):
        late = coverage.last_at is None or period.end - coverage.last_at > SILENT_AFTER * (coverage.cadence or timedelta(0))
        young = coverage.cadence is not None and period.end - period.start < SILENT_AFTER * coverage.cadence
        if coverage.exported and coverage.cadence and late and not young:
            silent.append((name, coverage.last_at))
    quiet = (await book.read({"quiet": QUIET_NODES}, period.end))["quiet"]
    reason = gap(quiet, "nodes without a GPU sample")
    nodes = () if reason else tuple((str(r["cluster"]), str(r["node_id"])) for r in rows(quiet))
    return Blind(missing, fields, tuple(silent), tuple(sorted(nodes)), (quiet.id,), (reason,) if reason else ())


QUIET_NODES = Plan.model_validate(
    {
        "steps": {
            "nodes": {"dataset": "inventory_nodes", "by": ["cluster", "node_id"], "measures": {"entries": {"agg": "count"}}},
            "heard": {
                "dataset": "gpu_metrics",
                "window": LAST,
                "by": ["node_id"],
                "measures": {"samples": {"agg": "count"}},
            },
            "result": {"op": "join", "left": "nodes", "right": "heard", "on": ["node_id"], "how": "anti"},
        }
    }
)
"""Nodes of the inventory from whose GPUs nothing came in the last hour."""
