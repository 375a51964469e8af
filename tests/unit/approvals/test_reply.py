"""The four shapes in which answers arrive, and the request they answer."""

from dataclasses import replace

import pytest

from llo11ypop.approvals.records import verdict_json
from llo11ypop.approvals.reply import UnreadableReplyError, parse_reply
from llo11ypop.approvals.request import hitl_request
from llo11ypop.core.proposal import ReasonCode, Verdict, VerdictKind
from llo11ypop.core.vocabulary import Action
from tests.ledger_samples import AT, approve, proposal, reject

ACTION = {"name": "TECH", "args": {"node": "gpu-a-001", "part": "fan", "slot": 3}}
AS_TEXT = {"node": "gpu-a-001", "part": "fan", "slot": "3"}
EDITED = {"node": "gpu-a-001", "part": "fan", "slot": "4"}


def read(reply: object) -> Verdict:
    return parse_reply(reply, proposal(1), rater="ana", at=AT)


@pytest.mark.parametrize(
    "reply",
    [
        {"decisions": [{"type": "approve"}]},
        {"type": "approve"},
        [{"type": "approve"}],
        [{"type": "accept", "args": {"action": "TECH", "args": AS_TEXT}}],
        [{"type": "accept", "args": None}],
        {"kind": "approve"},
    ],
)
def test_an_approval_in_every_shape(reply: object) -> None:
    assert read(reply) == Verdict(VerdictKind.APPROVE, "ana", AT)


@pytest.mark.parametrize(
    "reply",
    [
        {"decisions": [{"type": "edit", "edited_action": {"name": "TECH", "args": EDITED}}]},
        {"type": "edit", "edited_action": {"name": "TECH", "arguments": EDITED}},
        [{"type": "edit", "args": {"action": "TECH", "args": EDITED}}],
        [{"type": "accept", "args": {"action": "TECH", "args": EDITED}}],
        {"kind": "edit", "action": "TECH", "arguments": EDITED},
    ],
)
def test_an_edit_in_every_shape_with_text_turned_back_into_numbers(reply: object) -> None:
    verdict = read(reply)
    assert verdict.kind is VerdictKind.EDIT
    assert verdict.action is Action.TECH
    assert verdict.arguments == {"node": "gpu-a-001", "part": "fan", "slot": 4}


@pytest.mark.parametrize(
    ("reply", "code", "comment"),
    [
        ({"decisions": [{"type": "reject", "message": "not this node"}]}, ReasonCode.OTHER, "not this node"),
        ({"type": "reject", "message": "noise: known"}, ReasonCode.NOISE, "noise: known"),
        ([{"type": "ignore", "args": None}], ReasonCode.OTHER, ""),
        ([{"type": "response", "args": "too_risky"}], ReasonCode.TOO_RISKY, "too_risky"),
        ({"kind": "reject", "reason_code": "wrong_action"}, ReasonCode.WRONG_ACTION, ""),
    ],
)
def test_a_rejection_in_every_shape(reply: object, code: ReasonCode, comment: str) -> None:
    verdict = read(reply)
    assert (verdict.kind, verdict.reason_code, verdict.comment) == (VerdictKind.REJECT, code, comment)


@pytest.mark.parametrize("verdict", [approve(), reject(), Verdict(VerdictKind.SNOOZE, "bo", AT, snooze_until=AT)])
def test_our_own_verdict_reads_back(verdict: Verdict) -> None:
    assert read(verdict_json(verdict)) == verdict


@pytest.mark.parametrize(
    "reply",
    [
        None,
        "yes",
        True,
        {},
        [],
        {"decisions": []},
        {"decisions": [{"type": "approve"}, {"type": "approve"}]},
        {"type": "maybe"},
        {"kind": "perhaps"},
        {"type": "edit", "edited_action": {"name": "FORMAT_DISK", "args": {}}},
        {"type": "edit", "edited_action": "TECH"},
        {"kind": "snooze", "snooze_until": "tomorrow"},
    ],
)
def test_anything_else_is_refused(reply: object) -> None:
    with pytest.raises(UnreadableReplyError):
        read(reply)


def test_the_request_has_args_and_arguments_and_one_action() -> None:
    assert hitl_request(proposal(1), "# text") == {
        "action_requests": [
            {
                "name": "TECH",
                "args": {"node": "gpu-a-001", "part": "fan", "slot": 3},
                "arguments": {"node": "gpu-a-001", "part": "fan", "slot": 3},
                "description": "# text",
            }
        ],
        "review_configs": [{"action_name": "TECH", "allowed_decisions": ["approve", "edit", "reject"]}],
    }


def test_another_offered_action_keeps_its_own_arguments() -> None:
    verdict = read({"type": "edit", "edited_action": {"name": "DRAIN"}})
    assert (verdict.action, verdict.arguments) == (Action.DRAIN, {"node": "gpu-a-001"})


def test_text_arguments_stay_text() -> None:
    shown = replace(proposal(1).action, arguments={"node": "7", "flag": True, "share": 0.5, "gpus": ["a"]})
    reply = {"kind": "edit", "arguments": {"node": "8", "flag": "False", "share": "0.25", "gpus": "a, b"}}
    verdict = parse_reply(reply, proposal(1, action=shown), rater="ana", at=AT)
    assert verdict.arguments == {"node": "8", "flag": False, "share": 0.25, "gpus": ["a", "b"]}
