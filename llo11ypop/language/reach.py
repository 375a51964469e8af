"""What a dataset reaches, worked out once per catalog."""

from llo11ypop.catalog import Catalog, Route

_KNOWN: dict[tuple[int, str], tuple[Catalog, dict[str, Route]]] = {}
OTHER_NAMES = {
    "technician_id": ("assignee",),
    "node_id": ("src_node",),
    "leaf_switch": ("switch_id",),
    "switch_id": ("leaf_switch",),
}
"""Field → what the same thing is called in other datasets."""


def reachable(catalog: Catalog, dataset: str) -> dict[str, Route]:
    """Every field that a plan over the dataset may name."""
    key = (id(catalog), dataset)
    if key not in _KNOWN:
        _KNOWN[key] = (catalog, catalog.reachable(dataset))
    return _KNOWN[key][1]


def called(name: str, known: dict[str, Route]) -> str:
    """The field under the name that a dataset has for it; the name itself where it has none."""
    if name in known:
        return name
    return next((n for n in OTHER_NAMES.get(name, ()) if n in known), name)
