from pathlib import Path

import pytest

from llo11ypop.catalog import Catalog, load_catalog
from llo11ypop.core.errors import ConfigError, UnknownNameError
from tests.conformance.store_tables import catalog as shipped

GOOD = """\
dataset: probes
description: Probes.
area: network
kind: metric
time: ts
cadence: 5m
grain: [thing]
fields:
  ts: {type: timestamp, description: When}
  thing: {type: string, description: What, synonyms: [gadget]}
  reading: {type: float, description: How much}
"""


def load(tmp_path: Path, text: str = GOOD, name: str = "probes", **aliases: str) -> Catalog:
    folder = tmp_path / "catalog"
    (folder / "aliases").mkdir(parents=True)
    (folder / f"{name}.yaml").write_text(text)
    for alias, document in aliases.items():
        (folder / "aliases" / f"{alias}.yaml").write_text(document)
    return load_catalog(tmp_path)


def test_the_shipped_catalog_has_all_datasets() -> None:
    assert len(shipped().datasets) == 43


@pytest.mark.parametrize("name", sorted(shipped().datasets))
def test_every_shipped_dataset_is_described_in_full(name: str) -> None:
    dataset = shipped().datasets[name]
    assert dataset.description.endswith(".") and dataset.source
    assert all(f.description for f in dataset.fields.values())
    assert all(f.unit for f in dataset.fields.values() if f.counter)


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (("kind: metric", "kind: metrics"), 4, "kind"),
        (("cadence: 5m", "cadence: often"), 6, "is not a duration"),
        (("grain: [thing]", "grain: [nothing]"), 1, "'grain' names 'nothing'"),
        (("time: ts", "time: when"), 1, "'time' names 'when'"),
        (("time: ts", "time: thing"), 1, "not a timestamp"),
        (("type: float", "type: floating"), 11, "fields.reading.type"),
        (("type: string,", "type: string, counter: true,"), 10, "go with numbers"),
        (("description: How much", "descripton: How much"), 11, "fields.reading"),
        (("dataset: probes", "dataset: probe"), 1, "belongs in probe.yaml"),
        (("area: network", "area: network\narea: gpu"), 4, "given twice"),
        (("fields:", "relations: [{to: nowhere, on: {thing: thing}}]\nfields:"), 8, "'nowhere', which is not a dataset"),
        (("fields:", "relations: [{to: probes, on: {thing: reading}}]\nfields:"), 8, "could find several rows"),
        (("type: float,", "type: float, valid: [5, 1],"), 11, "[lowest, highest]"),
        (("fields:", "measures: {m: {description: M, measure: {agg: avg, field: nope}}}\nfields:"), 8, "uses 'nope'"),
    ],
)
def test_a_mistake_is_reported_with_file_and_line(tmp_path: Path, change: tuple[str, str], line: int, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD.replace(*change))
    assert f"probes.yaml:{line}: " in str(caught.value)
    assert message in str(caught.value)


def test_an_empty_folder_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no catalog files") as caught:
        load_catalog(tmp_path)
    assert "catalog/" in caught.value.next_step


def test_an_unreadable_file_names_itself(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"x\.yaml:1"):
        load_catalog(tmp_path)


@pytest.mark.parametrize("name", ["thing", "THING", "gadget", "Gadget", "probe.thing.id"])
def test_fields_are_found_by_name_synonym_and_foreign_name(tmp_path: Path, name: str) -> None:
    table = "source: other\ndescription: Other.\nnames:\n  probes.thing: [{name: probe.thing.id}]\n"
    assert load(tmp_path, other=table).resolve("probes", name) == "thing"


def test_an_alias_of_nothing_is_refused(tmp_path: Path) -> None:
    table = "source: other\ndescription: Other.\nnames:\n  probes.thin: [{name: x}]\n"
    with pytest.raises(ConfigError, match=r"other\.yaml:4: 'probes.thin'"):
        load(tmp_path, other=table)


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (lambda c: c.resolve("gpu_metrics", "gpu_temp"), "gpu_temp_c"),
        (lambda c: c.dataset("gpu_metric"), "gpu_metrics"),
        (lambda c: c.route("gpu_metrics", "racks"), "rack"),
        (lambda c: c.measure("slurm_jobs", "nothing_like_it"), ""),
    ],
)
def test_an_unknown_name_suggests_the_nearest(call, near: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UnknownNameError) as caught:
        call(shipped())
    assert near in caught.value.next_step


@pytest.mark.parametrize(
    ("dataset", "name", "over"),
    [
        ("gpu_metrics", "gpu_temp_c", ()),
        ("gpu_metrics", "driver", ()),
        ("gpu_metrics", "rack", ("inventory_nodes",)),
        ("gpu_metrics", "serial", ("inventory_gpus",)),
        ("gpu_metrics", "continent", ("inventory_nodes", "inventory_sites")),
        ("slurm_job_nodes", "account", ("slurm_jobs",)),
        ("supply_chain", "description", ("inventory_parts",)),
    ],
)
def test_a_dimension_is_reached_over_the_fewest_relations(dataset: str, name: str, over: tuple[str, ...]) -> None:
    assert tuple(r.to for r in shipped().route(dataset, name).path) == over


def test_a_key_spelled_on_survives_yaml() -> None:
    assert shipped().datasets["gpu_metrics"].relations[0].on == {"node_id": "node_id"}
