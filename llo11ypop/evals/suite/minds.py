"""The suite with rule minds, with model minds, and with models that fall back to the rules: the same questions, side by side.

Every question and every one of its other wordings is one unit. A unit passes a mind `k` times or not; minds are compared on the
same units by McNemar's exact test, and in one run they get the same answers of the models. Figures of a fake endpoint say that
the pipeline runs, and nothing about accuracy.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llo11ypop.agents.query_writer.minds import Minds
from llo11ypop.agents.query_writer.roles import any_writer
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.vocabulary import Area
from llo11ypop.evals.suite.agents import agent_units
from llo11ypop.evals.suite.case import Case
from llo11ypop.evals.suite.fleets import FleetFile
from llo11ypop.evals.suite.loading import AnyCase
from llo11ypop.evals.suite.paired import mcnemar
from llo11ypop.evals.suite.record import Record
from llo11ypop.evals.suite.runner import run_case
from llo11ypop.evals.suite.session import Session, opened
from llo11ypop.evals.suite.shared_answers import SharedAnswers
from llo11ypop.evals.suite.side import Heard, Side, changed, where_asked_back
from llo11ypop.evals.suite.truth import Prepared, prepare
from llo11ypop.models.config import ANALYSTS
from llo11ypop.models.port import Role, role_of
from llo11ypop.models.spending import Scope, Spending, spending

if TYPE_CHECKING:
    from llo11ypop.settings import Settings

Json = dict[str, Any]
Z = 1.959964
"""Of a 95 % interval."""
SIDES = {Minds.RULE: (Minds.RULE,), Minds.BOTH: (Minds.RULE, Minds.BOTH), Minds.MODEL: (Minds.RULE, Minds.MODEL, Minds.BOTH)}
"""`--mind` → the columns of its table."""


def run_minds(
    cases: Sequence[AnyCase], fleets: Sequence[FleetFile], minds: Minds, *, k: int = 3, config: Path | None = None,
    paraphrases: bool = True, folder: Path | None = None, progress: Callable[[str], None] | None = None,
) -> Json:  # fmt: skip
    """Ask single questions of every fleet, `k` times each. Raises ConfigError where no model is set or nothing was run."""
    sides = [Side(m) for m in SIDES[minds]]
    notes: list[str] = []
    for fleet in fleets:
        own = [c for c in cases if c.fleet in fleet.kinds and _single(c)]
        if own:
            notes += asyncio.run(_fleet(own, fleet, sides, _How(k, config, paraphrases, folder, progress)))
    if not any(s.units for s in sides):
        raise ConfigError("nothing was run", next_step="no single question applies to these fleets; see 'llo11ypop eval --check'")
    return result(sides, k, tuple(dict.fromkeys(notes)))


def _single(case: AnyCase) -> bool:
    """Threads, investigations, reports and cycles are read by the rules whatever models are set."""
    return case.level == "question" if isinstance(case, Case) else case.agent in ("guard", "routing")


@dataclass(frozen=True)
class _How:
    """What is the same for all fleets."""

    k: int
    config: Path | None
    paraphrases: bool
    folder: Path | None
    progress: Callable[[str], None] | None


async def _fleet(cases: Sequence[AnyCase], fleet: FleetFile, sides: Iterable[Side], how: _How) -> list[str]:
    prepared = [p for p in prepare(cases, fleet.path) if not p.missing and not p.error]
    async with opened(fleet.path, how.config) as session:
        if any(s.minds is not Minds.RULE for s in sides) and not any_writer(session.deps.models):
            raise ConfigError("no model is set for the role query_writer or an analyst", next_step="set it in config/models.yaml")
        models = session.deps.models
        for run in range(how.k):
            session.deps.models = shared = SharedAnswers(models)
            for side in sides:
                await _run(side, prepared, session, fleet.label, how)
                shared.again()
                if how.progress is not None:
                    how.progress(f"{fleet.label}: {side.minds}, run {run + 1} of {how.k}")
        return _same_model(session.settings)


async def _run(side: Side, prepared: Sequence[Prepared], session: Session, label: str, how: _How) -> None:
    """Everything once, asked of one mind."""
    session.deps.minds, session.deps.conversation = side.minds, None
    heard = Heard(session)
    with spending(Scope.DAY, f"eval {side.minds}") as spent:
        for one in prepared:
            if isinstance(one.case, Case):
                side.add(await _asked(one, heard, label, how), heard.answers)
        for agent, unit, passed in await agent_units(prepared, session, side.minds, how.folder):
            side.units.setdefault((agent, f"{unit} ({label})"), []).append(passed)
    side.spent = _added(side.spent, spent)


async def _asked(one: Prepared, heard: Heard, label: str, how: _How) -> Record:
    session = heard.session
    return await run_case(one, heard, label, component=session.component, made=session.made, paraphrases=how.paraphrases)


def _same_model(settings: "Settings") -> list[str]:
    """Whether the judge is the model that it judges: its verdicts are then no evidence."""
    from llo11ypop.daemon.models import read_models

    found = read_models(settings)
    judge = found.endpoint(Role.JUDGE)
    writers = (found.endpoint(role) for role in (Role.QUERY_WRITER, ANALYSTS, *map(role_of, Area)))
    same = judge is not None and any(w is not None and w.place == judge.place for w in writers)
    return ["the judge is the tested model: set the role judge to another one"] if same else []


def _added(before: Json, spent: Spending) -> Json:
    now = spent.summary()
    keys = ("calls", "from_memory", "not_accepted", "unmetered", "tokens_in", "tokens_out", "tokens_cached", "seconds")
    return {key: before.get(key, 0) + now[key] for key in keys}


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927); (0, 1) of nothing."""
    if not n:
        return 0.0, 1.0
    middle, spread = share + Z * Z / (2 * n), Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, (middle - spread) / (1 + Z * Z / n)), min(1.0, (middle + spread) / (1 + Z * Z / n))


def result(sides: Sequence[Side], k: int, notes: Sequence[str] = ()) -> Json:
    """Everything as JSON: per mind and agent pass@1 with its interval and pass^k, and each mind against the rules."""
    rules = sides[0]
    return {
        "k": k,
        "minds": {s.minds.value: _side(s) for s in sides},
        "against_rules": {s.minds.value: _against(rules, s) for s in sides[1:]},
        "where_rules_asked_back": {s.minds.value: where_asked_back(rules, s) for s in sides[1:]},
        "changed": {s.minds.value: changed(rules, s) for s in sides[1:]},
        "notes": list(notes),
    }


def _side(side: Side) -> Json:
    agents = sorted({agent for agent, _ in side.units})
    ends = side.ends()
    return {
        "agents": {a: _shares([runs for (agent, _), runs in side.units.items() if agent == a]) for a in agents},
        "ends": {end: n / ends.total() for end, n in sorted(ends.items())},
        "second_readings": {said: dict(sorted(found.items())) for said, found in sorted(side.seconds().items())},
        "groundedness": (side.said - side.loose) / side.said if side.said else None,
        "spent": side.spent,
    }


def _shares(units: Sequence[Sequence[bool]]) -> Json:
    """pass@1: the mean over units of their share of passed runs; the interval takes units, not runs, as independent."""
    n = len(units)
    once = sum(sum(runs) / len(runs) for runs in units) / n
    return {"units": n, "pass_1": once, "interval": wilson(once, n), "pass_k": sum(all(runs) for runs in units) / n}


def _against(rules: Side, side: Side) -> Json:
    """Units that the rules pass and this mind does not, and the other way round; a unit passes by the majority of its runs."""
    found = {}
    for agent in sorted({a for a, _ in side.units}):
        pairs = [
            (_most(rules.units[key]), _most(runs)) for key, runs in side.units.items() if key[0] == agent and key in rules.units
        ]
        broken, mended = pairs.count((True, False)), pairs.count((False, True))
        found[agent] = {"broken": broken, "mended": mended, "p_value": mcnemar(broken, mended)}
    return found


def _most(runs: Sequence[bool]) -> bool:
    return 2 * sum(runs) > len(runs)


def text(found: Mapping[str, Any]) -> str:
    """The table that a person reads."""
    k = found["k"]
    lines = [f"{'agent':<14}{'mind':<8}{'units':>6}{'pass@1':>9}{'95 %':>16}{f'pass^{k}':>9}  against the rules"]
    for agent in sorted({a for m in found["minds"].values() for a in m["agents"]}):
        for mind, side in found["minds"].items():
            if agent in side["agents"]:
                lines.append(_line(agent, mind, side["agents"][agent], found["against_rules"].get(mind, {}).get(agent)))
    lines.append("")
    for mind, side in found["minds"].items():
        ends = ", ".join(f"{end.replace('_', ' ')} {share:.1%}" for end, share in side["ends"].items())
        grounded = "" if side["groundedness"] is None else f"; groundedness {side['groundedness']:.2f}"
        spent = side["spent"]
        asked = f"; {spent['calls']} calls, {spent['tokens_in']:,} + {spent['tokens_out']:,} tokens" if spent.get("calls") else ""
        lines.append(f"{mind:<8}{ends}{grounded}{asked}")
    lines += [
        f"{mind:<8}where the rules asked back: {_counted(kinds['answerable'], k)}; not answerable: {_counted(kinds['others'], k)}"
        for mind, kinds in found["where_rules_asked_back"].items()
    ]
    lines += [
        f"{mind:<8}a second reading that {said}: {_ends(ends)}"
        for mind, side in found["minds"].items()
        for said, ends in side["second_readings"].items()
    ]
    return "\n".join([*lines, *(f"note: {n}" for n in found["notes"])])


def _counted(kind: Mapping[str, Any], k: int) -> str:
    return f"{kind['units']} questions × {k}: {_ends(kind['runs'])}" if kind["units"] else "none"


def _ends(ends: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {end.replace('_', ' ')}" for end, n in ends.items())


def _line(agent: str, mind: str, shares: Mapping[str, Any], against: Mapping[str, Any] | None) -> str:
    low, high = shares["interval"]
    beside = "" if against is None else f"  {against['mended']} mended, {against['broken']} broken, p = {against['p_value']:.3g}"
    return (
        f"{agent:<14}{mind:<8}{shares['units']:>6}{shares['pass_1']:>9.3f}{f'{low:.3f} to {high:.3f}':>16}"
        f"{shares['pass_k']:>9.3f}{beside}"
    )
