"""The values that exist in this fleet per dimension: which clusters, racks, models, users … a question can name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from llo11ypop.catalog import Catalog
from llo11ypop.query.store import TelemetryStore


@dataclass(frozen=True)
class ValueIndex:
    """Known values per field name, and which cluster each place belongs to."""

    values: Mapping[str, tuple[str, ...]]
    """Field name → its values, sorted; nothing for fields with too many."""
    clusters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Cluster → its site, provider, region, gpu_model, cooling …"""

    @classmethod
    async def read(cls, store: TelemetryStore, catalog: Catalog, at: datetime) -> "ValueIndex":
        """Read the values as of an instant with a handful of plans. Raises StoreError."""
        raise NotImplementedError
