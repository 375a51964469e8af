"""Run the whole suite: cases × fleets, the labelled pairs of the judge, and what came of it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llo11ypop.agents.judge import equivalent
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.located import load_located
from llo11ypop.evals.suite.fleets import FleetFile, Progress
from llo11ypop.evals.suite.loading import AnyCase
from llo11ypop.evals.suite.record import Record
from llo11ypop.evals.suite.runner import run_cases
from llo11ypop.evals.suite.session import opened
from llo11ypop.evals.suite.sharing import shared
from llo11ypop.evals.suite.truth import prepare

PAIRS = "judge_pairs.yaml"
_LABELS = {True: True, False: False, "undecided": None}


@dataclass(frozen=True, slots=True)
class _Part:
    """The cases of one fleet."""

    cases: tuple[AnyCase, ...]
    fleet: FleetFile
    config: Path | None
    paraphrases: bool
    progress: Progress | None


def run_suite(
    cases: Sequence[AnyCase], fleets: Sequence[FleetFile], *, config: Path | None = None, paraphrases: bool = True,
    progress: Progress | None = None, jobs: int = 1,
) -> list[Record]:  # fmt: skip
    """Ask every case of every fleet that it is for, `jobs` fleets at once, each in a process of its own.

    Raises ConfigError when that leaves nothing, StoreError for a fleet.
    """
    parts = [_Part(tuple(c for c in cases if c.fleet in f.kinds), f, config, paraphrases, progress) for f in fleets]
    longest_first = sorted((p for p in parts if p.cases), key=lambda p: -len(p.cases))
    found = dict(zip((p.fleet.path for p in longest_first), shared(_run, longest_first, jobs), strict=True))
    records = [r for f in fleets for r in found.get(f.path, ())]
    if not any(r.judged for r in records):
        raise ConfigError("nothing was run", next_step="no case applies to these fleets; see 'llo11ypop eval --check'")
    return records


def _run(part: _Part) -> list[Record]:
    return asyncio.run(
        run_fleet(part.cases, part.fleet, config=part.config, paraphrases=part.paraphrases, progress=part.progress)
    )


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
