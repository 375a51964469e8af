"""The Elasticsearch of the settings: the store of everything, or beside the one that holds the rest."""

from typing import TYPE_CHECKING

from llo11ypop.core.errors import ConfigError
from llo11ypop.settings_elasticsearch import ElasticsearchSection

if TYPE_CHECKING:
    from llo11ypop.catalog import Catalog
    from llo11ypop.query.store import TelemetryStore
    from llo11ypop.stores.elasticsearch import ElasticsearchStore
    from llo11ypop.stores.elasticsearch_access import Access


NAME = "elasticsearch"


def access(section: ElasticsearchSection) -> "Access":
    """Where it is and who asks. Raises ConfigError without an address."""
    from llo11ypop.stores.elasticsearch_access import Access

    urls = tuple(url.strip() for url in section.url.split(",") if url.strip())
    if not urls:
        raise ConfigError(
            "telemetry.elasticsearch.url is not set",
            next_step="set it, such as https://localhost:9200, or LLO11YPOP__TELEMETRY__ELASTICSEARCH__URL",
        )
    return Access(
        urls=urls,
        api_key=section.api_key,
        user=section.user,
        password=section.password,
        ca=str(section.ca or ""),
        timeout_s=section.timeout.total_seconds(),
    )


def elasticsearch(section: ElasticsearchSection, catalog: "Catalog") -> "ElasticsearchStore":
    """The store. Raises ConfigError, and UnknownNameError for a dataset that the catalog does not have."""
    from llo11ypop.stores.elasticsearch import ElasticsearchStore
    from llo11ypop.stores.elasticsearch_mapping import Place

    for name in section.datasets:
        catalog.dataset(name, where="telemetry.elasticsearch.datasets")
    places = {name: Place(one.index, one.aliases) for name, one in section.datasets.items()}
    return ElasticsearchStore(access(section), catalog, prefix=section.prefix, places=places)


def beside(main: "TelemetryStore", section: ElasticsearchSection, catalog: "Catalog") -> "TelemetryStore":
    """Both stores as one: the datasets that the section names are read here, everything else there."""
    from llo11ypop.stores.spanning import SpanningStore

    return SpanningStore(main, {NAME: elasticsearch(section, catalog)}, dict.fromkeys(section.datasets, NAME), catalog)
