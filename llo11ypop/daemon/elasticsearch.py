"""The Elasticsearch of the settings: the store of everything, or beside the one that holds the rest."""

from typing import TYPE_CHECKING

from llo11ypop.core.errors import ConfigError
from llo11ypop.settings_elasticsearch import ElasticsearchSection

if TYPE_CHECKING:
    from llo11ypop.catalog import Catalog
    from llo11ypop.core.access import Access
    from llo11ypop.query.store import TelemetryStore
    from llo11ypop.stores.elasticsearch import ElasticsearchStore
    from llo11ypop.stores.elasticsearch_mapping import Place


NAME = "elasticsearch"


def access(section: ElasticsearchSection) -> "Access":
    """Where it is and who asks. Raises ConfigError without an address."""
    if not section.url.strip(" ,"):
        raise ConfigError(
            "telemetry.elasticsearch.url is not set",
            next_step="set it, such as https://localhost:9200, or LLO11YPOP__TELEMETRY__ELASTICSEARCH__URL",
        )
    return section.reached(section.url, section.api_key)


def elasticsearch(section: ElasticsearchSection, catalog: "Catalog") -> "ElasticsearchStore":
    """The store. Raises ConfigError, and UnknownNameError for a dataset that the catalog does not have."""
    from llo11ypop.stores.elasticsearch import ElasticsearchStore
    from llo11ypop.stores.elasticsearch_languages import DSL, LANGUAGES

    return ElasticsearchStore(
        access(section),
        catalog,
        prefix=section.prefix,
        places=places(section, catalog),
        language=LANGUAGES[section.language],
        otherwise=DSL if section.language == "auto" else None,
    )


def places(section: ElasticsearchSection, catalog: "Catalog") -> "dict[str, Place]":
    """Where datasets lie that our own loader did not write: as the settings say, else as the fleet's own alias tables say.

    Raises UnknownNameError for a dataset that the catalog does not have.
    """
    from llo11ypop.stores.elasticsearch_mapping import Place

    found = {dataset: Place(index, table) for table in catalog.own for dataset, index in catalog.aliases[table].indices.items()}
    for name, one in section.datasets.items():
        catalog.dataset(name, where="telemetry.elasticsearch.datasets")
        found[name] = Place(one.index, one.aliases, one.lookup)
    return found


def beside(main: "TelemetryStore", section: ElasticsearchSection, catalog: "Catalog") -> "TelemetryStore":
    """Both stores as one: the datasets that lie in indices of other names are read here, everything else there."""
    from llo11ypop.stores.spanning import SpanningStore

    return SpanningStore(main, {NAME: elasticsearch(section, catalog)}, dict.fromkeys(places(section, catalog), NAME), catalog)
