"""The figures of a run. Shares are of what was judged; what broke in the harness is counted apart and is neither."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from llo11ypop.evals.suite.judging import WEIGHTS, Result
from llo11ypop.evals.suite.record import ParaphraseRecord, Record, TurnRecord

Json = dict[str, Any]


def figures(records: Sequence[Record], judge_pairs: Sequence[bool] = ()) -> Json:
    """Everything `eval --json` says of a run, without the records themselves. `judge_pairs`: which labelled pairs agreed."""
    judged = [r for r in records if r.judged]
    components = [r for r in judged if r.agent == "judge"]
    return {
        "cases": len(judged),
        "distinct_cases": len({r.id for r in judged}),
        "passed": sum(r.passed for r in judged),
        **core(judged),
        "judge_agreement": _share([*judge_pairs, *(r.passed for r in components)]),
        "judge_pairs": len(judge_pairs) + len(components),
        "harness_errors": sum(bool(r.error) for r in records),
        "not_applicable": sum(bool(r.missing) for r in records),
        "per_analyst": _grouped(judged, lambda r: r.analyst),
        "per_level": _grouped(judged, lambda r: r.level),
        "per_agent": _grouped([r for r in judged if r.agent], lambda r: r.agent),
        "per_fleet": _grouped(judged, lambda r: r.fleet),
    }


def core(records: Sequence[Record]) -> Json:
    """The figures of some records. None where nothing of the kind was asked: a share of nothing is not 100 %."""
    turns = [t for r in records if not r.agent for t in r.turns]
    ended = Counter(t.result for t in turns if t.result)
    answerable = sum(ended.values())
    others = [p for r in records for p in r.paraphrases]
    wording = Counter(p.result for p in others if p.result)
    spoken: list[TurnRecord | ParaphraseRecord] = [*turns, *others]
    said = sum(t.said for t in spoken)
    missing = [t.status_right for t in turns if t.kind == "no_data"]
    seconds = [t.seconds for t in spoken if t.seconds]
    return {
        "execution_accuracy": _of(ended[Result.RIGHT], answerable),
        "silent_wrong": _of(ended[Result.SILENT_WRONG], answerable),
        "asked_back": _of(ended[Result.ASKED_BACK], answerable),
        "declined": _of(ended[Result.DECLINED], answerable),
        "answerable": answerable,
        "score": _of(sum(WEIGHTS[Result(k)] * n for k, n in ended.items()), answerable),
        "groundedness": _of(said - sum(t.loose for t in spoken), said),
        "abstention": _share(missing),
        "refusal_recall": _share(_refusals(records, turns)),
        "false_refusals": _share(_false_refusals(records, turns)),
        "routing_accuracy": _share([*(t.routed for t in turns if t.routed is not None), *_agent(records, "routing")]),
        "paraphrase_stability": _share([p.same for p in others]),
        "paraphrase_accuracy": _of(wording[Result.RIGHT], sum(wording.values())),
        "paraphrase_silent_wrong": _of(wording[Result.SILENT_WRONG], sum(wording.values())),
        "latency_p50_s": _quantile(seconds, 0.5),
        "latency_p95_s": _quantile(seconds, 0.95),
    }


def _agent(records: Iterable[Record], agent: str) -> list[bool]:
    return [r.passed for r in records if r.agent == agent]


def _refusals(records: Iterable[Record], turns: Iterable[TurnRecord]) -> list[bool]:
    """Of what must be declined: whether it was."""
    return [t.status_right for t in turns if t.kind == "declined"] + [r.passed for r in records if r.wanted_allowed is False]


def _false_refusals(records: Sequence[Record], turns: Iterable[TurnRecord]) -> list[bool]:
    """Of what must not be declined: whether it was all the same, paraphrases and guard cases included."""
    wanted = [t.status == "declined" for t in turns if t.kind != "declined" and not (t.status_right and t.status == "declined")]
    in_other_words = [
        p.status == "declined" and not p.passed
        for r in records
        for p in r.paraphrases
        if r.turns and r.turns[0].kind != "declined"
    ]
    return wanted + in_other_words + [not r.passed for r in records if r.wanted_allowed is True]


def _grouped(records: Iterable[Record], key: Callable[[Record], str]) -> Json:
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return {
        name: {"cases": len(group), "passed": sum(r.passed for r in group), **core(group)}
        for name, group in sorted(groups.items())
    }


def _share(values: Sequence[bool]) -> float | None:
    return _of(sum(values), len(values))


def _of(part: float, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _quantile(values: Sequence[float], q: float) -> float | None:
    return round(float(np.quantile(values, q)), 4) if values else None


BARS: tuple[tuple[str, str, float], ...] = (
    ("execution_accuracy", ">=", 0.95), ("silent_wrong", "<=", 0.02), ("groundedness", ">=", 1.0), ("abstention", ">=", 0.95),
    ("refusal_recall", ">=", 0.98), ("false_refusals", "<=", 0.02), ("paraphrase_stability", ">=", 0.95),
    ("judge_agreement", ">=", 0.98), ("harness_errors", "<=", 0),
)  # fmt: skip
"""Acceptance of the conversation (LLo11yPop issue 3)."""


def below(result: Json) -> list[str]:
    """One line per bar that a run misses."""
    lines = []
    for name, way, bar in BARS:
        value = result.get(name)
        if value is not None and (value < bar if way == ">=" else value > bar):
            lines.append(f"{name} {value:g}, wanted {way} {bar:g}")
    return lines
