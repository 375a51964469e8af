# ruff: noqa: E501 - a question and what it means on one line reads as a table
"""A reader over a made-up fleet of two small clusters: no store, no files but the configuration."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from llo11ypop.catalog import Catalog, load_catalog
from llo11ypop.language import Lexicon, Reader, ValueIndex, load_lexicon
from llo11ypop.query.store import Exports

CONFIG = Path(__file__).parents[1] / "config"
AT = datetime(2026, 5, 21, 18, tzinfo=UTC)
"""A Thursday evening."""

VALUES = ValueIndex(
    values={
        "cluster": ("c-a", "c-b"), "site": ("fra2", "iad1"), "provider": ("helion", "northstar", "own"), "region": ("eu-central", "us-east"),
        "continent": ("Europe", "North America"), "rack": ("c-a-r01", "c-a-r02", "c-b-r01"), "node_id": ("gpu-a-001", "gpu-a-002", "gpu-b-001"),
        "gpu_model": ("NVIDIA A100-PCIE-40GB", "NVIDIA A100-SXM4-80GB", "NVIDIA H100 80GB HBM3"), "driver": ("550.90.07", "570.124.06"),
        "user": ("u1001", "u1002"), "account": ("acct-a", "acct-b"), "partition": ("dev", "train"), "qos": ("high", "normal"),
        "run_id": ("r-117", "r-118"), "model_name": ("llama-70b", "moe-8x22b"), "part_type": ("fan", "gpu", "psu"), "technician_id": ("tech-01", "tech-06"),
        "cooling": ("air", "dlc"), "k8s_events.reason": ("Evicted", "FailedMount"), "fs_metrics.mount": ("/data", "/scratch"),
        "health_checks.check_name": ("ib_link", "nvidia_smi"), "remediations.action": ("DRAIN", "REBOOT"),
    },
    clusters={
        "c-a": {"cluster": "c-a", "site": "iad1", "provider": "northstar", "region": "us-east", "gpu_model": "NVIDIA H100 80GB HBM3", "continent": "North America"},
        "c-b": {"cluster": "c-b", "site": "fra2", "provider": "helion", "region": "eu-central", "gpu_model": "NVIDIA A100-SXM4-80GB", "continent": "Europe"},
    },
    runs={"r-117": {"model_name": "llama-70b"}, "r-118": {"model_name": "moe-8x22b"}},
)  # fmt: skip


@cache
def catalog() -> Catalog:
    return load_catalog(CONFIG)


@cache
def lexicon() -> Lexicon:
    return load_lexicon(CONFIG, catalog())


@cache
def reader(missing: str = "") -> Reader:
    """A reader; `missing` is one 'dataset.field' that this fleet does not export."""
    dataset, _, field = missing.partition(".")
    fields = {n: frozenset(f for f in d.fields if (n, f) != (dataset, field)) for n, d in catalog().datasets.items()}
    return Reader(catalog(), lexicon(), VALUES, Exports(fields))
