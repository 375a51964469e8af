"""Two stores on many plans and some cycles, and the page that says where they agree."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from llo11ypop.core.errors import StoreError
from llo11ypop.core.evidence import Evidence
from llo11ypop.evals.parity import TOLERANCE, Compared, compare
from llo11ypop.evals.parity_plans import Asked, Filed
from llo11ypop.query.plan import Plan, Select, Step
from llo11ypop.query.store import TelemetryStore

RANK = 0.05
"""Share of all values by which an estimated percentile may be off (our assumption)."""
VERDICTS = ("equal", "estimated", "refused", "different")


@dataclass
class Target:
    """One store against DuckDB."""

    name: str
    how: str
    """What stood behind it."""
    found: list[tuple[Asked, Compared]] = field(default_factory=list)
    cycles: int = 0
    filed: int = 0
    """Proposals of DuckDB's cycles."""
    unlike: tuple[str, ...] = ()
    """Proposals that only one of the two filed."""
    only: frozenset[str] = frozenset()
    """Datasets that lie there, where it is not all of them; plans over others are not asked."""

    def count(self, verdict: str, group: str = "") -> int:
        """How many plans came out so."""
        return sum(c.verdict == verdict and group in ("", asked.group) for asked, c in self.found)


async def run_all(store: TelemetryStore, asked: Sequence[Asked]) -> list[Evidence]:
    """Every plan's evidence, in order; those of one instant together. Raises StoreError."""
    found: dict[int, Evidence] = {}
    by_instant: dict[datetime, list[int]] = {}
    for number, one in enumerate(asked):
        by_instant.setdefault(one.at, []).append(number)
    for at, numbers in by_instant.items():
        answers = await store.run_many({str(n): asked[n].plan for n in numbers}, at)
        found |= {n: answers[str(n)] for n in numbers}
    return [found[n] for n in range(len(asked))]


async def compared(target: Target, asked: Sequence[Asked], ours: TelemetryStore, theirs: TelemetryStore) -> None:
    """Ask both stores every plan that lies there, and keep the verdicts."""
    wanted = [a for a in asked if not target.only or any(s.dataset in target.only for s in a.plan.selects.values())]
    expected = await run_all(ours, wanted)
    try:
        found = await run_all(theirs, wanted)
    except StoreError as bad:
        raise StoreError(f"{target.name}: {bad}", next_step=bad.next_step) from bad
    for one, ours_say, theirs_say in zip(wanted, expected, found, strict=True):
        verdict = compare(ours_say, theirs_say)
        if verdict.verdict == "different" and theirs_say.approximate and await _within_rank(ours, one, theirs_say):
            verdict = Compared("estimated")
        target.found.append((one, verdict))


async def _within_rank(ours: TelemetryStore, asked: Asked, found: Evidence) -> bool:
    """Whether estimated percentiles lie between those a few ranks below and above: t-digest errs in rank, not in value."""
    low, high = [(await ours.run_many({"p": shifted(asked.plan, by)}, asked.at))["p"] for by in (-RANK, RANK)]
    if not low.row_count == high.row_count == found.row_count:
        return False
    for below, above, row in zip(low.rows.to_pylist(), high.rows.to_pylist(), found.rows.to_pylist(), strict=True):
        for name, value in row.items():
            ends = (
                sorted((below[name], above[name])) if isinstance(value, float) and None not in (below[name], above[name]) else []
            )
            if not ends and value != below[name]:
                return False
            if ends and not ends[0] * (1 - TOLERANCE) <= value <= ends[1] * (1 + TOLERANCE):
                return False
    return True


def shifted(plan: Plan, by: float) -> Plan:
    """The plan with its percentiles moved by so many ranks of one."""
    steps: dict[str, Step] = {}
    for name, step in plan.steps.items():
        if isinstance(step, Select):
            moved = {
                n: m.model_copy(update={"q": min(max(m.q + by, 0.001), 0.999)}) if m.q else m for n, m in step.measures.items()
            }
            steps[name] = step.model_copy(update={"measures": moved})
        else:
            steps[name] = step
    return Plan(steps=steps)


def cycled(target: Target, ours: set[Filed], theirs: set[Filed], cycles: int) -> None:
    """Keep what the loop filed over both."""
    target.cycles, target.filed = cycles, len(ours)
    lines = [f"only on DuckDB: {_line(one)}" for one in sorted(ours - theirs)]
    lines += [f"only on {target.name}: {_line(one)}" for one in sorted(theirs - ours)]
    target.unlike = tuple(lines)


def _line(one: Filed) -> str:
    cause, entities, since, action = one
    return f"{cause} of {entities} since {since}: {action}"


def page(targets: Sequence[Target], command: str, fleet: str) -> str:
    """The page of docs/parity.md."""
    lines = [
        "# Parity of stores",
        "",
        f"Written by `{command}` over {fleet}.",
        "Each plan is run on DuckDB and on the store, and their rows, status and truncation are compared.",
        f"*Estimated*: distinct counts, percentiles and rates, within {TOLERANCE:.0%}; "
        f"percentiles also within {RANK:.0%} of all ranks.",
        "*Refused*: not answered, with the reason below. *Different* must be 0.",
        "",
        "| store | what stood behind it | plans | " + " | ".join(VERDICTS) + " | cycles | proposals filed | filed differently |",
        "|---|---|---|" + "---|" * len(VERDICTS) + "---|---|---|",
    ]
    for one in targets:
        counts = " | ".join(str(one.count(v)) for v in VERDICTS)
        loop = f"{one.cycles} | {one.filed} | {len(one.unlike)}" if one.cycles else " | | "
        lines.append(f"| {_cell(one.name)} | {one.how} | {len(one.found)} | {counts} | {loop} |")
    lines += ["", "By where the plans come from (equal or estimated / refused / different):", ""]
    groups = sorted({asked.group for one in targets for asked, _ in one.found})
    lines += ["| store | " + " | ".join(groups) + " |", "|---|" + "---|" * len(groups)]
    for one in targets:
        cells = (
            f"{one.count('equal', g) + one.count('estimated', g)} / {one.count('refused', g)} / {one.count('different', g)}"
            for g in groups
        )
        lines.append(f"| {_cell(one.name)} | " + " | ".join(cells) + " |")
    for one in targets:
        lines += ["", f"## {one.name}: refused or different, with the reason", "", *_reasons(one)]
        lines += [f"- filed differently: {line}" for line in one.unlike]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _reasons(target: Target) -> list[str]:
    names: dict[str, list[str]] = {}
    for asked, verdict in target.found:
        if verdict.verdict in ("refused", "different"):
            names.setdefault(f"{verdict.verdict}: {verdict.why}", []).append(f"`{asked.name}`")
    return [f"- {reason}: {', '.join(sorted(dict.fromkeys(which)))}" for reason, which in sorted(names.items())] or ["None."]


def as_json(targets: Sequence[Target]) -> list[Mapping[str, object]]:
    """The figures of the page."""
    return [
        {
            "store": one.name,
            "plans": len(one.found),
            **dict(Counter(c.verdict for _, c in one.found)),
            "cycles": one.cycles,
            "filed": one.filed,
            "unlike": list(one.unlike),
            "not_equal": [
                {"plan": a.name, "at": a.at.isoformat(), "verdict": c.verdict, "why": c.why}
                for a, c in one.found
                if c.verdict in ("refused", "different")
            ],
        }
        for one in targets
    ]
