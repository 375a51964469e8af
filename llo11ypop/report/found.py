"""How the incidents of a period are found: in the ledger where the loop ran, else by running the loop over the recording.

A replay writes to a ledger of its own and asks nobody; it starts no approval and keeps nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from llo11ypop.agents.reporter.facts import FoundBy, Period
from llo11ypop.approvals.ledger import Ledger
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import Outcome, Proposal, Verdict
from llo11ypop.learning.policy import RulePolicy
from llo11ypop.ooda.cycle import Cycle
from llo11ypop.ooda.deps import Memory
from llo11ypop.report.deps import Notebook, ReportDeps

LOOK_BACK = timedelta(days=60)
"""A proposal filed longer ago is not looked for (as far back as the loop itself remembers)."""
MANY_CYCLES = 20_000
Suppressed = dict[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """Proposals that touch the period, and what the cycles held back."""

    by: FoundBy
    proposals: Sequence[Proposal]
    verdicts: Mapping[str, Verdict]
    outcomes: Mapping[str, Outcome]
    held_back: Sequence[Suppressed]
    """Each condition once: cause, entity and why."""
    cycles: int
    expected: int
    every: timedelta
    errors: tuple[str, ...]


async def find(deps: ReportDeps, period: Period, book: Notebook) -> Found:
    """Everything found in the period. Raises StoreError or LedgerError; a retry helps where they are transient."""
    if deps.found_by is not FoundBy.REPLAY:
        found = await _in_ledger(deps, period, book)
        if found.cycles or deps.found_by is FoundBy.LEDGER:
            return found
    return await _by_replay(deps, period, book)


async def _in_ledger(deps: ReportDeps, period: Period, book: Notebook) -> Found:
    ledger = deps.loop.ledger
    expected = max(1, int((period.end - period.start) / deps.cadence))
    latest = await ledger.cycles(min(MANY_CYCLES, expected * 2 + int((period.at - period.end) / deps.cadence) + 10))
    ran = [c for c in latest if period.start <= c.at <= period.end and c.status == "done"]
    known = await ledger.proposals(since=period.start - LOOK_BACK)
    touching = [p for p in known if _touches(p, period)]
    verdicts, outcomes = {}, {}
    for proposal in touching:
        if verdict := await ledger.final_verdict(proposal.id):
            verdicts[proposal.id] = verdict
        if measured := await ledger.outcomes(proposal.id):
            outcomes[proposal.id] = measured[-1]
    await _cite(ledger, touching, book)
    held = [s for c in ran for s in c.report.get("suppressed", [])]
    errors = tuple(dict.fromkeys(e for c in ran for e in c.report.get("errors", [])))
    return Found(FoundBy.LEDGER, touching, verdicts, outcomes, _once(held), len(ran), expected, deps.cadence, errors)


async def _by_replay(deps: ReportDeps, period: Period, book: Notebook) -> Found:
    instants, every = ticks(period, deps.terms.replay_every, deps.terms.most_cycles)
    ledger = deps.scratch_ledger()
    # The policy learns nothing here, and goals are measured once, by the report itself.
    loop = replace(deps.loop, ledger=ledger, goals=(), policy=RulePolicy(), memory=Memory(), on_filed=None)
    cycle, held, errors = Cycle(loop), list[Suppressed](), list[str]()
    try:
        for at in instants:
            report = await cycle.run(at)
            held += report.suppressed
            errors += report.errors
        known = [p for p in await ledger.proposals() if _touches(p, period)]
        await _cite(ledger, known, book)
        count = len(instants)
        return Found(FoundBy.REPLAY, known, {}, {}, _once(held), count, count, every, tuple(dict.fromkeys(errors)))
    finally:
        await ledger.close()


def ticks(period: Period, every: timedelta, most: int) -> tuple[list[datetime], timedelta]:
    """The instants of a replay, the period's end last, and their distance: `every`, or wider when there would be too many."""
    length = period.end - period.start
    step = max(every, timedelta(minutes=-(-length // most // timedelta(minutes=1))))
    count = max(0, -(-length // step) - 1)
    return [period.end - step * n for n in range(count, -1, -1)], step


async def _cite(ledger: Ledger, proposals: Sequence[Proposal], book: Notebook) -> None:
    wanted = dict.fromkeys(i for p in proposals for i in p.evidence if i not in book.kept)
    found: list[Evidence | None] = [await ledger.evidence(i) for i in wanted]
    book.kept.update({e.id: e for e in found if e is not None})


def _touches(proposal: Proposal, period: Period) -> bool:
    last = proposal.last_seen_at or proposal.created_at
    return proposal.created_at <= period.end and proposal.since < period.end and last >= period.start


def _once(held: Sequence[Suppressed]) -> list[Suppressed]:
    return list({(s["cause"], s["entity"], s["why"].partition(":")[0]): s for s in held}.values())
