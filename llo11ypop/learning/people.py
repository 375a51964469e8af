"""The names of people that telemetry holds: the values of all fields that the catalog marks personal."""

from datetime import datetime

from llo11ypop.catalog import Catalog
from llo11ypop.query.plan import Plan
from llo11ypop.query.store import TelemetryStore

WINDOW = "90d"
MOST = 10_000
"""Per field: no plan gives more rows."""


async def people(store: TelemetryStore, catalog: Catalog, at: datetime) -> set[str]:
    """Every name of the last 90 days, at most 10,000 of a field. A dataset that is not exported has none. Raises StoreError."""
    plans = {
        f"{dataset}.{name}": Plan.model_validate(
            {
                "dataset": dataset,
                "by": [name],
                "measures": {"n": {"agg": "count"}},
                "limit": MOST,
                **({"window": WINDOW} if spec.timed else {}),
            }
        )
        for dataset, spec in catalog.datasets.items()
        for name, field in spec.fields.items()
        if field.personal
    }
    found: set[str] = set()
    for name, seen in (await store.run_many(plans, at)).items():
        column = name.rpartition(".")[2]
        if column in seen.rows.column_names:
            found.update(str(v) for v in seen.rows.column(column).to_pylist() if v)
    return found
