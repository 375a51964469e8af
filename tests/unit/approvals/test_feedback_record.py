"""The feedback record has what learning needs and no person's name."""

import json
from typing import Any

from llo11ypop.approvals.feedback import feedback_record, pseudonym
from llo11ypop.core.proposal import Verdict, VerdictKind
from llo11ypop.core.vocabulary import Action
from tests.ledger_samples import AT, approve, evidence, proposal


def record(verdict: Verdict, **changes: Any) -> dict[str, Any]:
    return feedback_record(
        proposal(1, **changes),
        verdict,
        [evidence()],
        evidence_hash="h",
        round_=0,
        shown="# text",
        autonomy="propose",
    )


def test_doing_nothing_is_a_candidate_and_propensities_sum_to_one() -> None:
    candidates = record(approve())["candidates"]
    assert [c["name"] for c in candidates] == ["TECH", "DRAIN", "NONE"]
    assert [c["rank"] for c in candidates] == [0, 1, 2]
    assert sum(c["propensity"] for c in candidates) == 1


def test_an_exploring_policys_propensities_are_kept() -> None:
    state = {"propensity": {"TECH": 0.9, "DRAIN": 0.1}}
    assert [c["propensity"] for c in record(approve(), state=state)["candidates"]] == [0.9, 0.1, 0.0]


def test_the_rater_is_a_pseudonym_everywhere() -> None:
    text = json.dumps(record(approve("ana.real.name")))
    assert "ana.real.name" not in text
    assert pseudonym("ana.real.name") in text
    assert pseudonym("a") != pseudonym("b")


def test_an_edit_is_a_patch() -> None:
    edit = Verdict(VerdictKind.EDIT, "ana", AT, action=Action.DRAIN, arguments={"node": "gpu-a-001", "reason": "fan"})
    assert record(edit)["verdict"]["edit"] == [
        {"op": "remove", "path": "/arguments/part"},
        {"op": "remove", "path": "/arguments/slot"},
        {"op": "replace", "path": "/name", "value": "DRAIN"},
        {"op": "add", "path": "/arguments/reason", "value": "fan"},
    ]
    assert record(approve())["verdict"]["edit"] == []


def test_it_carries_state_evidence_latency_and_policy() -> None:
    said = record(approve())
    assert said["state"] == {"severity": 2, "repeats_24h": 0}
    assert said["verdict"]["latency_s"] == 300
    assert said["policy"] == {"version": "rule-1"}
    assert said["evidence"][0]["rows_sample"][0] == {"sensor": "FAN3", "rpm": 0.0}
    assert said["shown"] == "# text"
    assert said["schema_version"] == 1
