"""The plans that stores are compared on: those of playbooks and goals, of the suite's questions, and of whole cycles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.proposal import Proposal
from llo11ypop.core.vocabulary import Area
from llo11ypop.evals.loop import WatchedStore, run_loop
from llo11ypop.playbooks import load_goals, load_playbooks
from llo11ypop.query.plan import Plan
from llo11ypop.query.store import TelemetryStore

if TYPE_CHECKING:
    from llo11ypop.catalog import Catalog
    from llo11ypop.settings import Settings

Filed = tuple[str, str, str, str]
"""What a proposal says: cause, entities, since when, and what is to be done."""


@dataclass(frozen=True)
class Asked:
    """A plan as of an instant."""

    group: str
    """Where it comes from: playbooks, goals or questions."""
    name: str
    plan: Plan
    at: datetime


@dataclass
class Heard:
    """Keeps every plan that a store is asked, each once."""

    plans: dict[str, Plan] = field(default_factory=dict)
    """Its JSON → the plan."""

    def __call__(self, found: Mapping[str, Evidence], at: datetime) -> None:
        """See evals.loop.Watch."""
        for evidence in found.values():
            plan = Plan.model_validate(evidence.plan)
            self.plans[plan.model_dump_json(exclude_none=True)] = plan


class HeardStore(WatchedStore):
    """A store whose single plans are heard too."""

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        """See TelemetryStore."""
        found = await super().run(plan, at)
        self._watch({"plan": found}, at)
        return found


def shipped(config_dir: Path, catalog: "Catalog", at: datetime) -> list[Asked]:
    """Every plan that playbooks and goals run."""
    found = [Asked("playbooks", n, p, at) for n, p in load_playbooks(config_dir, catalog).plans(tuple(Area), at=at).items()]
    for goal in load_goals(config_dir, catalog):
        found += [Asked("goals", name, made, at) for name, made in goal.plans().items()]
    return found


def once(asked: Sequence[Asked]) -> list[Asked]:
    """Each plan the first time it is asked as of an instant."""
    return list({(a.plan.model_dump_json(exclude_none=True), a.at): a for a in reversed(asked)}.values())[::-1]


async def questions(fleet: Path, cases: Path, *, every: int = 1) -> list[tuple[str, Plan]]:
    """(case, plan) of every plan that every n-th question of the suite comes to on a fleet's file, each once.

    To be called before the file is opened otherwise. Raises StoreError and ConfigError.
    """
    from llo11ypop.evals.suite.case import Case
    from llo11ypop.evals.suite.loading import load_cases
    from llo11ypop.evals.suite.session import opened
    from llo11ypop.evals.suite.truth import prepare

    chosen = [c for c in load_cases(cases) if isinstance(c, Case) and c.level in ("question", "thread")][::every]
    prepared = [one for one in prepare(chosen, fleet) if not one.missing and not one.error]
    found: dict[str, tuple[str, Plan]] = {}
    async with opened(fleet) as session:
        heard = Heard()
        session.deps.store = HeardStore(session.deps.store, heard)
        for one in prepared:
            for turn in one.case.asked if isinstance(one.case, Case) else ():
                try:
                    await session.ask(one.said(turn.question), one.at, f"parity-{one.case.id}")
                except Llo11yPopError:
                    continue  # a question that fails on DuckDB is the suite's business
            for text, plan in heard.plans.items():
                found.setdefault(text, (one.case.id, plan))
            heard.plans.clear()
    return list(found.values())


async def filed(settings: "Settings", store: TelemetryStore, instants: Sequence[datetime]) -> tuple[set[Filed], list[str]]:
    """What the loop files over some cycles, and the errors of its analysts."""
    run = await run_loop(settings, store, instants)
    return {said(proposal) for proposal in run.proposals}, list(run.errors)


def said(proposal: Proposal) -> Filed:
    """What a proposal comes to, without the ids of its evidence."""
    entities = ", ".join(str(e) for e in proposal.entities)
    return proposal.cause, entities, proposal.since.isoformat(timespec="seconds"), proposal.action.name.value


def instants(end: datetime, cycles: int, every: timedelta = timedelta(hours=4)) -> list[datetime]:
    """The last cycles before an end, in order."""
    return [end - every * n for n in reversed(range(cycles))]
