"""The Prometheus of the settings, beside the store that holds everything else."""

from typing import TYPE_CHECKING

from llo11ypop.settings_prometheus import PrometheusSection

if TYPE_CHECKING:
    from llo11ypop.catalog import Catalog
    from llo11ypop.query.store import TelemetryStore
    from llo11ypop.stores.prometheus import PrometheusStore

NAME = "prometheus"


def prometheus(section: PrometheusSection, catalog: "Catalog") -> "PrometheusStore":
    """The store. Raises UnknownNameError and ConfigError for datasets that cannot lie there."""
    from llo11ypop.stores.prometheus import Place, PrometheusStore
    from llo11ypop.stores.prometheus_access import Access

    access = Access(
        url=section.url,
        token=section.token,
        user=section.user,
        password=section.password,
        tenant=section.tenant,
        headers=section.headers,
        ca=str(section.ca or ""),
        timeout_s=section.timeout.total_seconds(),
    )
    places = {name: Place(one.aliases, one.match, one.rows) for name, one in section.datasets.items()}
    return PrometheusStore(access, catalog, places)


def beside(main: "TelemetryStore", section: PrometheusSection, catalog: "Catalog") -> "TelemetryStore":
    """Both stores as one."""
    from llo11ypop.stores.spanning import SpanningStore

    return SpanningStore(main, {NAME: prometheus(section, catalog)}, dict.fromkeys(section.datasets, NAME), catalog)
