"""The Prometheus of the settings, beside the store that holds everything else."""

from typing import TYPE_CHECKING

from llo11ypop.core.errors import ConfigError
from llo11ypop.settings_prometheus import PrometheusSection

if TYPE_CHECKING:
    from llo11ypop.catalog import Catalog
    from llo11ypop.core.access import Access
    from llo11ypop.query.store import TelemetryStore
    from llo11ypop.stores.prometheus import Place, PrometheusStore

NAME = "prometheus"


def prometheus(section: PrometheusSection, catalog: "Catalog") -> "PrometheusStore":
    """The store. Raises UnknownNameError and ConfigError for datasets that cannot lie there."""
    from llo11ypop.stores.prometheus import PrometheusStore

    return PrometheusStore(access(section), catalog, places(section, catalog))


def access(section: PrometheusSection) -> "Access":
    """Where it is and who asks."""
    return section.reached(section.url, section.token, tenant=section.tenant, headers=section.headers)


def places(section: PrometheusSection, catalog: "Catalog") -> "dict[str, Place]":
    """How the series of the datasets that lie there are called: as the settings say, else the fleet's own alias tables.

    Raises ConfigError where neither names any.
    """
    from llo11ypop.stores.prometheus import Place

    found = {
        dataset: Place(table, one.match, one.rows)
        for table in catalog.own
        for dataset, one in catalog.aliases[table].series.items()
    }
    found |= {name: Place(one.aliases, one.match, one.rows) for name, one in section.datasets.items()}
    if not found:
        step = "name the datasets that lie there, or find them with 'llo11ypop catalog discover --prometheus'"
        raise ConfigError("telemetry.prometheus has a url and no datasets", next_step=step)
    return found


def beside(main: "TelemetryStore", section: PrometheusSection, catalog: "Catalog") -> "TelemetryStore":
    """Both stores as one."""
    from llo11ypop.stores.spanning import SpanningStore

    return SpanningStore(main, {NAME: prometheus(section, catalog)}, dict.fromkeys(places(section, catalog), NAME), catalog)
