"""Read an answer in any of the four shapes that user interfaces send, as our `Verdict`.

1. LangChain HITL: `{"decisions": [{"type": "approve"}]}`, also `edit` with `edited_action`, `reject` with `message`.
2. One bare decision, as above without the list (LangChain's `interrupt_mode="per_call"`).
3. agent-inbox: `[{"type": "accept" | "edit" | "ignore" | "response", "args": …}]`, every value turned into text.
4. Our own verdict as JSON, with `kind`; the only one that can snooze and give a reason code.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from llo11ypop.approvals.arguments import coerce, template_of
from llo11ypop.approvals.records import verdict_from
from llo11ypop.core.proposal import Proposal, ReasonCode, Verdict, VerdictKind
from llo11ypop.core.vocabulary import Action
from llo11ypop.core.window import iso


class UnreadableReplyError(ValueError):
    """The reply has none of the accepted shapes. The proposal still waits."""


def parse_reply(reply: Any, proposal: Proposal, *, rater: str, at: datetime) -> Verdict:
    """The verdict in a reply; `rater` and `at` fill in what the shape does not carry. Raises UnreadableReplyError."""
    one = _single(reply)
    try:
        if "kind" in one:
            return _typed(verdict_from({"rater": rater, "at": iso(at), **one}), proposal)
        return _decision(one, proposal, rater, at)
    except (KeyError, ValueError, TypeError, AttributeError) as bad:
        raise UnreadableReplyError(f"cannot read this answer: {bad}") from bad


def _single(reply: Any) -> Mapping[str, Any]:
    if isinstance(reply, Mapping) and "decisions" in reply:
        reply = reply["decisions"]
    if isinstance(reply, list) and len(reply) == 1:
        reply = reply[0]
    if not isinstance(reply, Mapping) or not ({"type", "kind"} & reply.keys()):
        raise UnreadableReplyError("cannot read this answer: send one decision with a 'type', or a verdict with a 'kind'")
    return reply


def _decision(one: Mapping[str, Any], proposal: Proposal, rater: str, at: datetime) -> Verdict:
    match one["type"]:
        case "approve":
            return Verdict(VerdictKind.APPROVE, rater, at)
        case "accept":
            return _unless_same(_edited(one.get("args"), proposal, rater, at), proposal)
        case "edit":
            return _edited(one.get("edited_action") or one.get("args"), proposal, rater, at)
        case "reject" | "ignore" | "response" | "respond":
            said = one.get("message") or one.get("args") or ""
            comment = said if isinstance(said, str) else ""
            return Verdict(VerdictKind.REJECT, rater, at, reason_code=_reason(one, comment), comment=comment)
        case other:
            raise ValueError(f"there is no decision '{other}'")


def _edited(edited: Any, proposal: Proposal, rater: str, at: datetime) -> Verdict:
    """From LangChain's `{name, args}` or agent-inbox's `{action, args}`."""
    edited = edited or {}
    action = Action(edited.get("name") or edited.get("action") or proposal.action.name)
    given = edited.get("args")
    if given is None:
        given = edited.get("arguments")
    template = template_of(proposal, action)
    arguments = coerce(template, template if given is None else given)
    return Verdict(VerdictKind.EDIT, rater, at, action=action, arguments=arguments)


def _typed(verdict: Verdict, proposal: Proposal) -> Verdict:
    if verdict.kind is not VerdictKind.EDIT or verdict.arguments is None:
        return verdict
    template = template_of(proposal, verdict.action or proposal.action.name)
    return Verdict(
        verdict.kind,
        verdict.rater,
        verdict.at,
        comment=verdict.comment,
        action=verdict.action,
        arguments=coerce(template, verdict.arguments),
    )


def _unless_same(verdict: Verdict, proposal: Proposal) -> Verdict:
    """agent-inbox repeats the whole action when it accepts; only a real difference is an edit."""
    same = verdict.action is proposal.action.name and verdict.arguments in ({}, proposal.action.arguments)
    return Verdict(VerdictKind.APPROVE, verdict.rater, verdict.at) if same else verdict


def _reason(one: Mapping[str, Any], comment: str) -> ReasonCode:
    """A reason code where the reply carries one, or begins its message with one; else `other`."""
    word = str(one.get("reason_code") or comment.partition(":")[0].strip())
    return next((code for code in ReasonCode if code == word), ReasonCode.OTHER)
