"""What telemetry exists: datasets, fields, units, relations, synonyms and foreign names, read from YAML."""

from llo11ypop.catalog.catalog import Catalog, Route
from llo11ypop.catalog.loading import load_catalog
from llo11ypop.catalog.models import Dataset, FieldSpec, Kind, NamedMeasure, Relation

__all__ = ["Catalog", "Dataset", "FieldSpec", "Kind", "NamedMeasure", "Relation", "Route", "load_catalog"]
