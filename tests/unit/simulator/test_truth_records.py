import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from llo11ypop.core.errors import ConfigError
from llo11ypop.simulator.truth import DCGM_OPT_IN, OPT_IN_TABLES, Evidence, Truth, is_opt_in, read_truth, truth_path, write_truth

AT = datetime(2026, 5, 2, 3, 4, 5, tzinfo=UTC)
CATALOG = Path(__file__).parents[3] / "config" / "catalog"


def evidence(field: str, *, decisive: bool = True, table: str = "gpu_metrics") -> Evidence:
    return Evidence(table, field, "gpu_uuid = 'GPU-1'", AT, AT + timedelta(hours=1), decisive, is_opt_in(table, field))


def record(*proof: Evidence) -> Truth:
    return Truth(
        incident_id="F10-1",
        mode="F10",
        start_at=AT,
        end_at=AT + timedelta(hours=6),
        first_observable={"gpu_metrics": AT + timedelta(minutes=5)},
        entity_level="gpu",
        entity_id="GPU-1",
        entities={"node": ("gpu-a-001",), "gpu": ("GPU-1",)},
        expected_ticket=True,
        queue="GPU-HW",
        severity_min="S3",
        expected_action="TECH",
        acceptable_actions=("TECH", "DRAIN"),
        forbidden_actions=("FAC",),
        acceptable_causes=("F10",),
        dedupe_key="F10:gpu:GPU-1",
        evidence=proof,
        root_cause_text="riser",
        repaired_at=AT + timedelta(hours=6),
        reopened_at=(AT + timedelta(hours=9),),
    )


def test_records_survive_the_file(tmp_path: Path) -> None:
    first, second = record(evidence("pcie_link_width")), replace(record(), repaired_at=None, incident_id="F10-2")
    write_truth(tmp_path / "t.jsonl", [first, second])
    assert list(read_truth(tmp_path / "t.jsonl")) == [first, second]


def test_times_are_written_as_iso_utc(tmp_path: Path) -> None:
    raw = json.loads(record().as_json())
    assert raw["start_at"] == "2026-05-02T03:04:05Z"
    assert raw["first_observable"] == {"gpu_metrics": "2026-05-02T03:09:05Z"}


def test_the_file_lies_beside_the_fleet() -> None:
    assert truth_path(Path("out/fleet.duckdb")) == Path("out/fleet.duckdb.truth.jsonl")


@pytest.mark.parametrize(
    ("proof", "full", "default"),
    [
        ([evidence("pcie_link_width")], True, False),
        ([evidence("pcie_link_width"), evidence("pcie_replay_total")], True, True),
        ([evidence("pcie_replay_total", decisive=False)], False, False),
        ([evidence("replay_error_total", table="nvlink_metrics")], True, False),
        ([], False, False),
    ],
)
def test_what_a_default_exporter_leaves_visible(proof: list[Evidence], full: bool, default: bool) -> None:
    truth = record(*proof)
    assert (truth.exported_evidence("full"), truth.exported_evidence("default")) == (full, default)


def test_opt_in_names_are_those_of_the_catalog() -> None:
    gpu = yaml.safe_load((CATALOG / "gpu_metrics.yaml").read_text())
    assert {name for name, field in gpu["fields"].items() if field.get("exported") == "opt_in"} == DCGM_OPT_IN
    tables = {p.stem for p in CATALOG.glob("*.yaml") if yaml.safe_load(p.read_text()).get("exported") == "opt_in"}
    assert tables == OPT_IN_TABLES


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(record().as_json() + "\n{}\n")
    with pytest.raises(ConfigError, match=r"t\.jsonl:2: not a truth record"):
        read_truth(path)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        read_truth(tmp_path / "none.jsonl")
    assert "simulate" in error.value.next_step


def test_first_seen_is_the_earliest_table() -> None:
    truth = replace(record(), first_observable={"a": AT + timedelta(minutes=9), "b": AT + timedelta(minutes=2)})
    assert truth.first_seen_at == AT + timedelta(minutes=2)
    assert replace(truth, first_observable={}).first_seen_at is None
