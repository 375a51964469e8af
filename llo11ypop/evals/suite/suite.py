"""Run the whole suite: cases × fleets, the labelled pairs of the judge, and what came of it."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from llo11ypop.agents.judge import equivalent
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.located import load_located
from llo11ypop.evals.suite.fleets import FleetFile
from llo11ypop.evals.suite.loading import AnyCase
from llo11ypop.evals.suite.record import Record
from llo11ypop.evals.suite.runner import run_cases
from llo11ypop.evals.suite.session import opened
from llo11ypop.evals.suite.truth import prepare

PAIRS = "judge_pairs.yaml"
_LABELS = {True: True, False: False, "undecided": None}
Progress = Callable[[str], None]


def run_suite(
    cases: Sequence[AnyCase], fleets: Sequence[FleetFile], *, config: Path | None = None, paraphrases: bool = True,
    progress: Progress | None = None,
) -> list[Record]:  # fmt: skip
    """Ask every case of every fleet that it is for. Raises ConfigError when that leaves nothing, StoreError for a fleet."""
    records: list[Record] = []
    for fleet in fleets:
        own = [c for c in cases if c.fleet in fleet.kinds]
        if own:
            records += asyncio.run(run_fleet(own, fleet, config=config, paraphrases=paraphrases, progress=progress))
    if not any(r.judged for r in records):
        raise ConfigError("nothing was run", next_step="no case applies to these fleets; see 'llo11ypop eval --check'")
    return records


async def run_fleet(
    cases: Sequence[AnyCase], fleet: FleetFile, *, config: Path | None = None, paraphrases: bool = True,
    progress: Progress | None = None,
) -> list[Record]:  # fmt: skip
    """Ask cases of one fleet: first every truth is read and the file closed again, then the system opens it."""
    prepared = prepare(cases, fleet.path)
    async with opened(fleet.path, config) as session:
        return await run_cases(
            prepared, session, fleet.label, component=session.component, made=session.made, paraphrases=paraphrases,
            progress=progress,
        )  # fmt: skip


def judge_pairs(folder: Path) -> list[bool]:
    """For each labelled pair of the folder whether the judge agrees; none where there is no such file. Raises ConfigError."""
    path = folder / PAIRS
    if not path.is_file():
        return []
    located = load_located(path.read_text(encoding="utf-8"), str(path))
    if not isinstance(located.value, list):
        raise located.error("expected a list of pairs")
    return [_agrees(located.at(i).value, located.error, i) for i in range(len(located.value))]


def _agrees(pair: Any, error: Callable[..., ConfigError], index: int) -> bool:
    if not isinstance(pair, dict) or not {"expected", "got", "equal"} <= set(pair) or pair["equal"] not in _LABELS:
        raise error("a pair has expected, got and equal: true, false or undecided", (index,))
    verdict = equivalent(str(pair["expected"]), str(pair["got"]), question=pair.get("question", ""), ranked=pair.get("ranked"))
    return verdict.equal is _LABELS[pair["equal"]]
