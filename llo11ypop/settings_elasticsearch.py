"""The Elasticsearch of the settings: where it is, who asks, and which datasets lie in which of its indices."""

from typing import Literal

from pydantic import Field, SecretStr

from llo11ypop.settings_base import Section, ServerSection


class ElasticsearchDataset(Section):
    """Where a dataset lies that another shipper writes."""

    index: str = Field(min_length=1)
    """Index, alias, data stream or pattern; all that it matches have the same mapping."""
    aliases: str = ""
    """Alias table of the catalog, such as elastic_nvidia_gpu; empty: the fields have the catalog's names."""
    lookup: bool = False
    """A dimension whose index has `index.mode: lookup`, so that ES|QL joins it there."""


class ElasticsearchSection(ServerSection):
    """An Elasticsearch or OpenSearch; nothing is read from it while `url` is empty."""

    url: str = ""
    """Addresses of its nodes, with commas between them."""
    api_key: SecretStr = SecretStr("")
    """Set it by environment or file."""
    language: Literal["auto", "sql", "esql", "dsl"] = "auto"
    """What it is asked in; auto: SQL, ES|QL for what SQL cannot say, and the Query DSL where there is no SQL."""
    prefix: str = "llo11ypop-"
    """What stands before a dataset's name in the indices that `llo11ypop load` writes."""
    datasets: dict[str, ElasticsearchDataset] = Field(default_factory=dict)
    """Datasets in indices of other names; the only ones read here when `telemetry.store` is another."""
