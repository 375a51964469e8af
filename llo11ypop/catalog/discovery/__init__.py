"""From what a telemetry store really holds to an alias table that the catalog loads: names found, units said, gaps explained."""

from llo11ypop.catalog.discovery.holding import Holding, wanted_names
from llo11ypop.catalog.discovery.proposing import Discovery, discover
from llo11ypop.catalog.discovery.writing import as_yaml

__all__ = ["Discovery", "Holding", "as_yaml", "discover", "wanted_names"]
