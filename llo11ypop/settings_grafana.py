"""The Grafana of the settings: where dashboards are written, and which of its data sources hold the telemetry."""

from datetime import timedelta

from pydantic import SecretStr

from llo11ypop.settings_base import PositiveDuration, ServerSection


class GrafanaSection(ServerSection):
    """A Grafana; while `url` is empty, links lead to the console's own pages."""

    url: str = ""
    token: SecretStr = SecretStr("")
    """Of a service account that is Editor. Set it by environment or file."""
    timeout: PositiveDuration = timedelta(seconds=20)
    folder: str = "LLo11yPop"
    incidents: bool = True
    """Whether each proposal gets a dashboard, and its evidence a snapshot, when it is filed."""
    prometheus: str = ""
    """Uid of the data source that is `telemetry.prometheus`."""
    elasticsearch: str = ""
    """Uid of the data source that is `telemetry.elasticsearch`, of all its indices, by @timestamp."""
