"""Turns what a person sent (form or JSON) into a verdict. Types of edited arguments follow those proposed."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from llo11ypop.approvals.settle import Answered, Reply
from llo11ypop.console.ports import DEFAULT_SNOOZE, Ports
from llo11ypop.core.errors import ConfigError, ConflictError
from llo11ypop.core.proposal import Proposal, ReasonCode, Verdict, VerdictKind
from llo11ypop.core.vocabulary import Action
from llo11ypop.core.window import parse_duration
from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

log = logger(__name__)

RATER = "console"
MAX_COMMENT = 2000


def verdict_of(given: Mapping[str, Any], at: datetime, proposal: Proposal, snooze: timedelta = DEFAULT_SNOOZE) -> Verdict:
    """A verdict from `verdict`, `reason_code`, `comment`, `action`, `arguments`, `snooze`, `rater`.

    `snooze` is how long a snooze lasts where nobody says. Raises ConfigError with a sentence for the person who filled in
    the form.
    """
    kind = _one_of(VerdictKind, given.get("verdict"), "verdict")
    if kind is VerdictKind.EXPIRED:
        raise ConfigError("only the clock expires a proposal")
    reason = given.get("reason_code")
    if kind is VerdictKind.REJECT and not reason:
        raise ConfigError("a rejection needs a reason", next_step="the loop learns from it")
    return Verdict(
        kind=kind,
        rater=str(given.get("rater") or RATER)[:100],
        at=at,
        reason_code=_one_of(ReasonCode, reason, "reason") if reason else None,
        comment=str(given.get("comment") or "")[:MAX_COMMENT],
        arguments=_arguments(given, proposal) if kind is VerdictKind.EDIT else None,
        action=_one_of(Action, given["action"], "action") if kind is VerdictKind.EDIT and given.get("action") else None,
        snooze_until=at + _snooze(given.get("snooze"), snooze) if kind is VerdictKind.SNOOZE else None,
    )


async def give(ports: Ports, proposal: Proposal, given: Mapping[str, Any]) -> Answered:
    """Answer a proposal. Raises ConflictError when somebody was first, ConfigError when the answer is not accepted."""
    verdict = verdict_of(given, ports.clock.now(), proposal, ports.snooze)
    answered = await ports.answer(proposal.id, verdict, seen_hash=str(given.get("seen") or ""))
    if answered.reply is Reply.ALREADY:
        raise ConflictError(f"this proposal is {answered.reason}")
    if answered.reply is Reply.REFUSED:
        raise ConfigError(answered.reason)
    log.info(Event.VERDICT_RECORDED, proposal_id=proposal.id, verdict=verdict.kind.value, note=answered.reason)
    waited_s = (verdict.at - proposal.created_at).total_seconds()
    metrics.PROPOSAL_WAIT.labels(proposal.action.name.value, verdict.kind.value).observe(max(0.0, waited_s))
    return answered


def _one_of(kind: Any, given: object, name: str) -> Any:
    try:
        return kind(given)
    except ValueError as bad:
        known = ", ".join(k.value for k in kind)
        raise ConfigError(f"no {name} '{given}'", next_step=f"one of {known}") from bad


def _snooze(given: object, default: timedelta) -> timedelta:
    if not given:
        return default
    try:
        return parse_duration(str(given))
    except ValueError as bad:
        raise ConfigError(str(bad)) from bad


def _arguments(given: Mapping[str, Any], proposal: Proposal) -> dict[str, Any]:
    """Edited arguments: as an object, or one form field `arg.<name>` each."""
    whole = given.get("arguments")
    if isinstance(whole, Mapping):
        return dict(whole)
    edited = dict(proposal.action.arguments)
    for field, text in given.items():
        name = field.removeprefix("arg.")
        if field.startswith("arg.") and name in edited:
            edited[name] = _like(edited[name], str(text), name)
    return edited


def _like(proposed: Any, text: str, name: str) -> Any:
    """`text` as a value of the type that was proposed."""
    if isinstance(proposed, str) or proposed is None:
        return text
    try:
        value = json.loads(text)
    except ValueError as bad:
        raise ConfigError(f"'{name}' is not readable: {text[:80]}", next_step='keep its form, such as 3 or ["a"]') from bad
    if not isinstance(value, type(proposed)) and not (isinstance(proposed, float) and isinstance(value, int)):
        raise ConfigError(f"'{name}' must stay a {type(proposed).__name__}")
    return value
