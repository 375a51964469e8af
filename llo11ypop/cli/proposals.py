"""`llo11ypop proposals`: list, show and answer what the loop proposes."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from llo11ypop.core.clock import ManualClock, parse_instant
from llo11ypop.core.errors import ConfigError, ConflictError, StoreError, UnknownNameError
from llo11ypop.core.proposal import OPEN_STATUSES, Proposal, ProposalStatus, ReasonCode, Verdict, VerdictKind
from llo11ypop.core.vocabulary import Action
from llo11ypop.core.window import parse_duration

if TYPE_CHECKING:
    from llo11ypop.approvals.arguments import ArgumentCheck
    from llo11ypop.approvals.ledger import Ledger
    from llo11ypop.settings import Settings

app = typer.Typer(help="List, show and answer what the loop proposes.", no_args_is_help=True, rich_markup_mode=None)

Id = Annotated[str, typer.Argument(help="The proposal's id, or the first characters of it.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable.")]
Rater = Annotated[str, typer.Option("--as", help="Who answers; your login name by default.")]
At = Annotated[str, typer.Option("--at", help="The instant of the answer (ISO 8601); by default now, in the time of the fleet.")]
Said = Callable[[datetime], Verdict]
"""A verdict, once it is known at which instant it is given."""


@app.command("list")
def list_(
    status: Annotated[list[ProposalStatus] | None, typer.Option(help="Only these; may be repeated.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Only pending, snoozed and approved ones.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the latest.")] = 200,
    as_json: Json = False,
) -> None:
    """List proposals, the most severe open ones first."""
    wanted = OPEN_STATUSES if open_ else status
    found = _run(_listed(wanted, limit))
    if as_json:
        from llo11ypop.approvals.records import summary_json

        print(json.dumps([summary_json(p) for p in found], indent=2, ensure_ascii=False))
    else:
        from llo11ypop.cli.proposal_view import print_list

        print_list(found)


async def _listed(wanted: Any, limit: int) -> list[Proposal]:
    async with _Opened() as ledger:
        found = await ledger.proposals(wanted, limit=limit)
    return sorted(found, key=lambda p: (p.status not in OPEN_STATUSES, p.severity, -p.created_at.timestamp()))


@app.command()
def show(proposal: Id, as_json: Json = False) -> None:
    """Show one proposal: what, where, since when, how sure and why, and what exactly would be done."""
    from llo11ypop.cli.proposal_view import print_proposal

    found = _run(_shown(proposal))
    if as_json:
        print(json.dumps(found["json"], indent=2, ensure_ascii=False, default=str))
    else:
        print_proposal(found["proposal"], found["evidence"], found["verdicts"], found["receipt"])


async def _shown(wanted: str) -> dict[str, Any]:
    from llo11ypop.approvals.records import evidence_json, outcome_json, proposal_json, verdict_json

    async with _Opened() as ledger:
        found = await _one(ledger, wanted)
        evidence = [e for i in found.evidence if (e := await ledger.evidence(i))]
        verdicts, outcomes = await ledger.verdicts(found.id), await ledger.outcomes(found.id)
        receipt = await _receipt(ledger, found.id)
    document = {
        **proposal_json(found),
        "evidence_rows": [evidence_json(e) for e in evidence],
        "verdicts": [verdict_json(v) for v in verdicts],
        "receipt": receipt,
        "outcomes": [outcome_json(o) for o in outcomes],
    }
    return {"proposal": found, "evidence": evidence, "verdicts": verdicts, "receipt": receipt, "json": document}


async def _receipt(ledger: "Ledger", proposal_id: str) -> dict[str, Any] | None:
    from llo11ypop.approvals.orders import order_key

    thread = await ledger.thread(proposal_id)
    return await ledger.receipt(order_key(proposal_id, thread.round)) if thread else None


@app.command()
def approve(proposal: Id, comment: str = "", rater: Rater = "", at: At = "") -> None:
    """Approve the action with exactly the arguments shown."""
    _answer(proposal, at, lambda now: Verdict(VerdictKind.APPROVE, _rater(rater), now, comment=comment))


@app.command()
def reject(
    proposal: Id,
    reason: Annotated[ReasonCode, typer.Option(help="Why; the policy learns from it.")],
    comment: str = "",
    rater: Rater = "",
    at: At = "",
) -> None:
    """Reject the proposal, with the reason."""
    _answer(proposal, at, lambda now: Verdict(VerdictKind.REJECT, _rater(rater), now, reason_code=reason, comment=comment))


@app.command()
def edit(
    proposal: Id,
    set_: Annotated[list[str] | None, typer.Option("--set", help="name=value of an argument; may be repeated.")] = None,
    action: Annotated[Action | None, typer.Option(help="Another action.")] = None,
    comment: str = "",
    rater: Rater = "",
    at: At = "",
) -> None:
    """Approve with other arguments or another action; both are checked first."""
    changes = dict(_pair(text) for text in set_ or [])
    _answer(proposal, at, lambda now: Verdict(VerdictKind.EDIT, _rater(rater), now, comment=comment, action=action), changes)


@app.command()
def snooze(
    proposal: Id,
    for_: Annotated[str, typer.Option("--for", help="How long, such as 4h; proposals.snooze by default.")] = "",
    until: Annotated[str, typer.Option(help="Until when (ISO 8601).")] = "",
    rater: Rater = "",
    at: At = "",
) -> None:
    """Decide later: the proposal is pending again after the time given."""
    from llo11ypop.settings import load_settings

    if for_ and until:
        raise ConfigError("say either --for or --until", next_step="for example --for 4h")
    try:
        fixed = parse_instant(until) if until else None
        span = parse_duration(for_) if for_ else load_settings().proposals.snooze
    except ValueError as bad:
        raise ConfigError(str(bad)) from bad
    _answer(proposal, at, lambda now: Verdict(VerdictKind.SNOOZE, _rater(rater), now, snooze_until=fixed or now + span))


def _answer(wanted: str, at: str, said: Said, changes: dict[str, str] | None = None) -> None:
    from llo11ypop.approvals.settle import Reply

    found, verdict, answered = _run(_answered(wanted, _instant(at), said, changes))
    if answered.reply is not Reply.NOW:
        raise ConflictError(f"{found.title}: {answered.reason}", next_step=f"see `proposals show {found.id[:8]}`")
    done = {
        VerdictKind.APPROVE: "approved",
        VerdictKind.EDIT: "approved with changes",
        VerdictKind.REJECT: "rejected",
        VerdictKind.SNOOZE: f"snoozed until {verdict.snooze_until:%Y-%m-%d %H:%M}Z" if verdict.snooze_until else "",
    }[verdict.kind]
    receipt = f"\nrecorded, to be done by people: {json.dumps(dict(answered.receipt))}" if answered.receipt else ""
    print(f"{found.title}: {done}{receipt}" + (f"\n{answered.reason}" if answered.reason else ""))


async def _answered(
    wanted: str, at: datetime | None, said: Said, changes: dict[str, str] | None
) -> tuple[Proposal, Verdict, Any]:
    from dataclasses import replace

    from llo11ypop.approvals.arguments import coerce, template_of
    from llo11ypop.approvals.desk import open_desk
    from llo11ypop.approvals.graph import ApprovalDeps
    from llo11ypop.daemon.compose import answer_instant
    from llo11ypop.settings import load_settings

    settings = load_settings()
    async with _Opened() as ledger:
        found = await _one(ledger, wanted)
        verdict = said(at or await answer_instant(ledger))
        if changes:
            template = template_of(found, verdict.action or found.action.name)
            verdict = replace(verdict, arguments={**template, **coerce(template, changes)})
        check = await _inventory(settings, ledger, verdict.at) if verdict.kind is VerdictKind.EDIT else None
        deps = ApprovalDeps(ledger, check=check, clock=ManualClock(verdict.at))
        async with open_desk(deps, settings.approvals_at) as desk:
            return found, verdict, await desk.answer(found.id, verdict)


async def _inventory(settings: "Settings", ledger: "Ledger", at: datetime) -> "ArgumentCheck | None":
    """The fleet's inventory; none where the telemetry cannot be read, and then an edit may only narrow."""
    from llo11ypop.approvals.arguments import InventoryCheck
    from llo11ypop.daemon import compose
    from llo11ypop.ooda.graph import topology_at

    try:
        deps = await compose.deps(settings, compose.open_store(settings), ledger)
        return InventoryCheck(await topology_at(deps, at))
    except StoreError:
        return None


class _Opened:
    """The configured ledger for the length of a command."""

    async def __aenter__(self) -> "Ledger":
        from llo11ypop.daemon import compose
        from llo11ypop.settings import load_settings

        self._ledger = compose.open_ledger(load_settings())
        return self._ledger

    async def __aexit__(self, *_: object) -> None:
        await self._ledger.close()


async def _one(ledger: "Ledger", wanted: str) -> Proposal:
    """The proposal with this id, or the only one whose id begins so."""
    exact = await ledger.proposal(wanted)
    if exact:
        return exact
    known = await ledger.proposals()
    matching = [p for p in known if wanted and p.id.startswith(wanted)]
    if len(matching) > 1:
        raise ConfigError(f"{len(matching)} proposals begin with '{wanted}'", next_step="give more of the id")
    if not matching:
        raise UnknownNameError("proposal", wanted, [p.id for p in known])
    return matching[0]


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def _instant(text: str) -> datetime | None:
    try:
        return parse_instant(text) if text else None
    except ValueError as bad:
        _refuse(f"'{text}' is not an instant", bad)


def _refuse(message: str, bad: Exception) -> NoReturn:
    raise ConfigError(message, next_step="write for example 2026-05-01T12:00Z") from bad


def _rater(name: str) -> str:
    import getpass

    return name or getpass.getuser()


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"'{text}' is not name=value", next_step="for example --set node=gpu-a-017")
    return name.strip(), value.strip()
