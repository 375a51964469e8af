"""What a person's word in a channel means. Text is data: only these exact forms are read, and none of them chooses arguments.

A comment is an answer only if its whole first line is `/approve`, `/reject [reason]: text` or `/duplicate [of what]`. Whatever
else it says, to whomever, is kept as a note. An approval is of exactly what was proposed; changes are made in the console.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.approvals.post import Statement
from llo11ypop.approvals.settle import Answered, Reply
from llo11ypop.channels.blocks import clean
from llo11ypop.console.ports import Answer
from llo11ypop.core.proposal import ReasonCode, Verdict, VerdictKind
from llo11ypop.observability import metrics
from llo11ypop.observability.events import Event
from llo11ypop.observability.logs import logger

LONGEST_TEXT = 2_000
SKEW = timedelta(minutes=2)
"""By how much a channel's clock may be behind ours (our assumption)."""

_APPROVE = re.compile(r"/approved?\s*[.!]?", re.IGNORECASE)
_REJECT = re.compile(r"/reject(?:ed)?\b(?:\s+(?P<code>[a-z_]+)\s*(?=:|$))?\s*:?\s*(?P<text>.*)", re.IGNORECASE)
_DUPLICATE = re.compile(r"/(?:duplicate|dup)\b\s*(?:of\b)?\s*:?\s*(?P<text>.*)", re.IGNORECASE)

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Word:
    """What something that was said means."""

    kind: str
    """`approve`, `reject`, `duplicate` or `note`."""
    reason_code: str = ""
    text: str = ""


def word_of(comment: str) -> Word:
    """Read a comment. Nothing but the exact forms is an answer."""
    lines = [line.strip() for line in comment.strip().splitlines()]
    first = lines[0] if lines else ""
    rest = clean(" ".join(lines[1:]), LONGEST_TEXT)
    if _APPROVE.fullmatch(first):
        return Word("approve", text=rest)
    if found := _DUPLICATE.fullmatch(first):
        return Word("duplicate", ReasonCode.ALREADY_KNOWN.value, clean(f"{found['text']} {rest}", LONGEST_TEXT))
    if found := _REJECT.fullmatch(first):
        code, text = (found["code"] or "").casefold(), found["text"]
        if code and code not in list(ReasonCode):
            code, text = "", f"{found['code']} {text}"
        return Word("reject", code or ReasonCode.OTHER.value, clean(f"{text} {rest}", LONGEST_TEXT))
    return Word("note", text=clean(comment, LONGEST_TEXT))


def word_for(meaning: str, text: str) -> Word | None:
    """What a status, a resolution or a click means by the settings; none for nothing."""
    match meaning:
        case "none" | "":
            return None
        case "approve":
            return Word("approve", text=text)
        case "duplicate":
            return Word("duplicate", ReasonCode.ALREADY_KNOWN.value, text)
        case code:
            return Word("reject", code, text)


def verdict_of(said: Statement, at: datetime) -> Verdict | None:
    """The verdict in a statement; none in a note."""
    match said.kind:
        case "approve":
            return Verdict(VerdictKind.APPROVE, said.author, at, comment=said.text)
        case "reject" | "duplicate":
            text = f"duplicate: {said.text}" if said.kind == "duplicate" else said.text
            return Verdict(VerdictKind.REJECT, said.author, at, reason_code=ReasonCode(said.reason_code or "other"), comment=text)
        case _:
            return None


async def take_in(ledger: Ledger, answer: Answer, said: Statement, at: datetime, heard_at: datetime) -> str:
    """Note a statement and answer the proposal, once whoever brings it and however often; what came of it, empty if known.

    `at` is the fleet's time, which verdicts have; `heard_at` the machine's, by which statements are forgotten.
    Raises LedgerError; the statement is then taken in again when it is brought again.
    """
    if await ledger.post.hear(said, heard_at):
        return ""
    result = await _result(ledger, answer, said, at)
    await ledger.post.concluded(said.channel, said.key, result)
    log.info(
        Event.STATEMENT_HEARD,
        channel=said.channel,
        proposal_id=said.proposal_id,
        kind=said.kind,
        author=said.author,
        result=result,
    )
    return result


async def _result(ledger: Ledger, answer: Answer, said: Statement, at: datetime) -> str:
    verdict = verdict_of(said, at)
    if verdict is None:
        return "noted"
    told = [row for name, row in await ledger.post.told_about(said.proposal_id) if name == said.channel]
    again = [row.at for row in told if row.event.startswith("reopened-")]
    if again and said.said_at < max(again) - SKEW:
        return "not counted: it was said before the proposal was reopened"
    answered = await answer(said.proposal_id, verdict)
    if answered.reply is Reply.NOW:
        await _count(ledger, said, verdict, answered)
        return "recorded"
    return f"not counted: {answered.reason}"


async def _count(ledger: Ledger, said: Statement, verdict: Verdict, answered: Answered) -> None:
    log.info(Event.VERDICT_RECORDED, proposal_id=said.proposal_id, verdict=verdict.kind.value, note=answered.reason)
    proposal = await ledger.proposal(said.proposal_id)
    if proposal is not None:
        waited_s = (verdict.at - proposal.created_at).total_seconds()
        metrics.PROPOSAL_WAIT.labels(proposal.action.name.value, verdict.kind.value).observe(max(0.0, waited_s))
