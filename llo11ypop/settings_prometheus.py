"""The Prometheus of the settings: where it is, who asks, and which datasets lie there."""

from pydantic import Field, SecretStr, model_validator

from llo11ypop.settings_base import Section, ServerSection


class PrometheusDataset(Section):
    """How a dataset's series are called."""

    aliases: str = ""
    """Alias table of the catalog, such as dcgm_exporter; empty: metrics `<dataset>_<field>`, labels as the fields."""
    match: dict[str, str] = Field(default_factory=dict)
    """Labels that all its series have."""
    rows: str = ""
    """The metric field that every row has; without it rows are not counted."""


class PrometheusSection(ServerSection):
    """A Prometheus, VictoriaMetrics, Mimir or Thanos; nothing is read from it while `url` is empty."""

    url: str = ""
    """With its path, where there is one."""
    token: SecretStr = SecretStr("")
    """A bearer token. Set it by environment or file."""
    tenant: str = ""
    """Of Mimir or Thanos."""
    headers: dict[str, str] = Field(default_factory=dict)
    datasets: dict[str, PrometheusDataset] = Field(default_factory=dict)
    """The metric datasets that are read here and not in `telemetry.store`, besides those that `telemetry.aliases` name."""

    @model_validator(mode="after")
    def _whole(self) -> "PrometheusSection":
        if self.datasets and not self.url:
            raise ValueError("datasets lie nowhere: set url too")
        return self
