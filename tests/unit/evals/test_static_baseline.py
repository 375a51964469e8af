"""Static thresholds: one alert per rule and entity that begins to fire."""

from datetime import timedelta
from types import SimpleNamespace

import pyarrow as pa
import pytest

from llo11ypop.catalog import load_catalog
from llo11ypop.core.evidence import Evidence, EvidenceStatus
from llo11ypop.evals.baseline import StaticThresholds, rules_of
from llo11ypop.playbooks import load_playbooks
from tests.shared_data import ROOT
from tests.unit.evals.truth_samples import T0

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def book() -> object:
    return load_playbooks(ROOT / "config", load_catalog(ROOT / "config"))


def test_every_fault_has_a_rule_and_no_benign_look_alike_has(book: object) -> None:
    rules = rules_of(book)  # type: ignore[arg-type]
    modes = {r.playbook.id for r in rules.values()}
    assert "F16" in modes
    assert not any(r.playbook.benign for r in rules.values())
    assert all(key == f"{r.playbook.id}.{key.partition('.')[2]}" for key, r in rules.items())


def _seen(nodes: list[str], status: EvidenceStatus = EvidenceStatus.OK) -> Evidence:
    rows = pa.table({"node": nodes})
    return Evidence("e", {}, T0, None, (), rows, len(nodes), False, False, status)


def _alerts(*looks: list[str] | None) -> list[str]:
    static = StaticThresholds()
    signal = SimpleNamespace(entity={"node": "node"}, onset=None, last=None, text="fires", related={})
    playbook = SimpleNamespace(id="F16", benign=False, queue="GPU-HW", actions=(SimpleNamespace(name="TECH", prior=0.5),))
    static._rules = {"F16.stopped": SimpleNamespace(key="F16.stopped", signal=signal, playbook=playbook)}  # type: ignore[dict-item]
    for n, nodes in enumerate(looks):
        seen = {} if nodes is None else {"F16.stopped": _seen(nodes)}
        static.see(seen, T0 + timedelta(minutes=15 * n))
    return [f"{a.entity.id}@{int((a.created_at - T0).total_seconds() // 900)}" for a in static.alerts]


@pytest.mark.parametrize(
    ("looks", "alerts"),
    [
        ([["a"]], ["a@0"]),
        ([["a"], ["a"]], ["a@0"]),
        ([["a"], [], ["a"]], ["a@0", "a@2"]),
        ([["a", "b"]], ["a@0", "b@0"]),
        ([["a"], None, ["a"]], ["a@0"]),
        ([[], []], []),
    ],
)
def test_an_alert_fires_when_its_rule_begins_to_hold(looks: list[list[str] | None], alerts: list[str]) -> None:
    assert _alerts(*looks) == alerts
