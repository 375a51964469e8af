"""What a dashboard shows, whoever draws it: panels over the selects of a plan, a span of time, and where to read on."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal

from pydantic import ValidationError

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.goal import Goal
from llo11ypop.core.ids import content_hash
from llo11ypop.core.proposal import Proposal
from llo11ypop.core.window import Window, iso
from llo11ypop.query.plan import Plan, Select

MAX_PANELS = 24
"""More are not read by anybody (our assumption)."""
AROUND = timedelta(hours=2)
"""What is shown before an incident began (our assumption)."""

Kind = Literal["answer", "goal", "incident"]


@dataclass(frozen=True)
class Panel:
    """One measure of one select over time."""

    title: str
    select: Select
    measure: str
    unit: str = ""
    """UCUM code as in the catalog."""
    definition: str = ""


@dataclass(frozen=True)
class Mark:
    """An instant to be marked: a proposal or what somebody answered."""

    at: datetime
    text: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    """One dashboard."""

    kind: Kind
    key: str
    """What it is about: a goal's id, a proposal's id, or the hash of the plans."""
    title: str
    description: str
    panels: tuple[Panel, ...]
    window: Window
    page: str
    """The console's page about the same, a path."""
    marks: tuple[Mark, ...] = ()

    @property
    def uid(self) -> str:
        """The same for the same thing, at most 40 characters, so that a dashboard is replaced and never doubled."""
        return f"llo-{self.kind}-{content_hash(self.kind, self.key)[:24]}"


def panels_of(plan: Plan, catalog: Catalog, *, title: str = "", seen: set[str] | None = None) -> Iterator[Panel]:
    """A panel per measure of each select that has a time; the same one once. What the catalog no longer has is left out."""
    seen = set() if seen is None else seen
    for select in plan.selects.values():
        dataset = catalog.datasets.get(select.dataset)
        if dataset is None or not dataset.time or select.fields:
            continue
        for name, measure in select.measures.items():
            bare = select.model_copy(update={"measures": {name: measure}, "having": None})
            key = content_hash(bare.model_dump(mode="json"))
            if key in seen:
                continue
            seen.add(key)
            field = str(measure.field) if measure.field else ""
            unit = dataset.fields[field].unit if field in dataset.fields and measure.agg not in _COUNTS else ""
            said = f"{measure.agg.replace('_', ' ')} {field or 'rows'}"
            by = f" by {', '.join(select.by)}" if select.by else ""
            definition = "; ".join(str(w) for w in (select.where, measure.where) if w)
            yield Panel(f"{title + ': ' if title else ''}{said} of {select.dataset}{by}", bare, name, unit, definition)


_COUNTS = ("count", "count_distinct", "list")


def goal_board(goal: Goal, catalog: Catalog, at: datetime) -> Board:
    """A goal: its plan, and its slices."""
    seen: set[str] = set()
    plans = [goal.now_plan, *goal.slice_plans.values()]
    panels = islice((panel for plan in plans for panel in panels_of(plan, catalog, seen=seen)), MAX_PANELS)
    aim = "" if goal.target is None else f" Target: {goal.target:g} {goal.unit}."
    return Board(
        "goal", goal.id, goal.title, f"{goal.definition}{aim}", tuple(panels),
        Window.trailing(at, goal.window), "/",
    )  # fmt: skip


def incident_board(proposal: Proposal, evidence: Mapping[str, Evidence], catalog: Catalog, marks: tuple[Mark, ...] = ()) -> Board:
    """A proposal: everything that its evidence read, from before it began to when it was last seen."""
    seen: set[str] = set()
    plans = _plans(evidence[i] for i in proposal.evidence if i in evidence)
    panels = islice((panel for plan in plans for panel in panels_of(plan, catalog, seen=seen)), MAX_PANELS)
    end = max(proposal.last_seen_at or proposal.created_at, proposal.created_at)
    what = ", ".join(str(e) for e in proposal.entities[:8])
    filed = Mark(proposal.created_at, f"{proposal.id}: {proposal.title}", ("llo11ypop", "proposal", proposal.id))
    return Board(
        "incident", proposal.id, f"{proposal.severity} {proposal.title}", f"{proposal.summary} Affected: {what}.",
        tuple(panels), Window(min(proposal.since, end) - AROUND, end + AROUND),
        f"/proposals/{proposal.id}", (filed, *marks),
    )  # fmt: skip


def answer_board(question: str, evidence: tuple[Evidence, ...], catalog: Catalog) -> Board:
    """An answer: the plans behind it. Raises ValueError for an answer that read nothing."""
    if not evidence:
        raise ValueError("nothing was read for this answer, so there is nothing to draw")
    seen: set[str] = set()
    plans = _plans(evidence)
    panels = islice((panel for plan in plans for panel in panels_of(plan, catalog, seen=seen)), MAX_PANELS)
    windows = [one.window for one in evidence if one.window]
    latest = max(one.at for one in evidence)
    start = min((w.start for w in windows), default=latest - timedelta(days=1))
    key = content_hash([one.plan for one in evidence])
    window = Window(start, max((w.end for w in windows), default=latest))
    described = f"As answered at {iso(latest)}; evidence {', '.join(one.id for one in evidence)}."
    return Board("answer", key, question[:120], described, tuple(panels), window, f"/evidence/{evidence[0].id}")


def _plans(evidence: Iterable[Evidence]) -> Iterator[Plan]:
    """The plans as evidence keeps them; one of a version that is not understood any more is left out."""
    for one in evidence:
        kept = {"steps": one.plan["steps"]} if "steps" in one.plan else one.plan
        with suppress(ValidationError):
            yield Plan.model_validate(kept)
