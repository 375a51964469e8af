"""Why a run slowed down: a slow worker, heat or clocks, the fabric, files and checkpoints, or the model's own work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from llo11ypop.agents.investigators.hypotheses import match_at
from llo11ypop.agents.investigators.inquiry import HOUR, MINUTE, Inquiry
from llo11ypop.agents.investigators.nan_loss import nan_loss
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.run_health import explain_straggler, judged, named_runs
from llo11ypop.agents.investigators.runs import (
    Minutes,
    Rank,
    errors_plan,
    gpu_plan,
    probe_plan,
    ratio,
    read_minutes,
    read_ranks,
    saves_plan,
    storage_plan,
)
from llo11ypop.agents.investigators.tables import Row, dimension, figure, measure, minute, moment, said
from llo11ypop.analysis.change_point import changes
from llo11ypop.analysis.convergence import judge_convergence
from llo11ypop.analysis.stragglers import Straggling
from llo11ypop.core.clock import parse_instant
from llo11ypop.core.reasoning import Finding
from llo11ypop.core.window import Window

LOOK_BACK, LOOK_ON = 6 * HOUR, 3 * HOUR
NEAR = 45 * MINUTE
"""How far the step time's change may lie from the time that was named (our assumption)."""
SLOWER = 1.04
"""Step time after over before from which a run is slower at all: diurnal scatter is 1-2 % (Llama 3)."""
NEVER = 99.0
"""A limit that no ratio reaches: the sign was looked at and does not speak."""
COLUMNS = (
    dimension("suspect"), dimension("side"), dimension("speaks"), measure("before"), measure("after"), measure("ratio"),
    dimension("unit"), moment("since"), dimension("finding"),
)  # fmt: skip
SPOILS_THE_LOSS = frozenset({"F32", "F33"})
"""Playbooks about what a run computes, not about how fast: they are told beside a slowdown, and are no cause of it."""
HARDWARE, MODEL, SHARED = "hardware", "model or data", "shared service"


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that was looked at."""

    suspect: str
    side: str
    before: float | None
    after: float | None
    unit: str
    limit: float
    """Ratio from which it speaks for the suspect; below 1 for what falls."""
    finding: str = ""
    weight: float = 0.5

    @property
    def ratio(self) -> float | None:
        """After over before."""
        return ratio(self.after, self.before)

    @property
    def speaks(self) -> bool | None:
        """Whether it speaks for the suspect; None when it was not recorded."""
        if self.ratio is None:
            return None
        return self.ratio >= self.limit if self.limit > 1 else self.ratio <= self.limit


async def hardware_or_model(inquiry: Inquiry) -> Investigated:
    """Find the change of the step time, and hold what changed with it against it. Unknown when nothing did."""
    named, when = named_runs(inquiry), named_instant(inquiry)
    asked = Window(when - NEAR, min(inquiry.at, when + LOOK_ON)) if when else inquiry.window(timedelta(hours=24))
    window = Window(asked.start - LOOK_BACK, asked.end)
    runs = await read_minutes(inquiry, window, named)
    if not runs:
        return inquiry.found("Unknown: no run made steps in this window.", COLUMNS, [])
    slowed = [(run, turn) for run in runs if (turn := slowdown(run, when, asked.start)) is not None]
    if not slowed and any(went_wrong(run.inside(asked.start, asked.end)) for run in runs):
        other = await nan_loss(inquiry, asked)
        steady = f"Run {runs[0].run_id} did not slow down" if len(runs) == 1 else "No run slowed down"
        return replace(other, sentence=f"{steady} beyond its usual scatter. {other.sentence}")
    if not slowed:
        inquiry.note(f"looked for a rise of the step time from {minute(window.start)} to {minute(window.end)}")
        return inquiry.found(
            f"Run {runs[0].run_id} did not slow down beyond its usual scatter in this window.", COLUMNS, [_whole(runs[0], None)]
        )
    run, turn = max(slowed, key=lambda s: s[1].ratio)
    return await _explain(inquiry, run, turn)


def went_wrong(run: Minutes) -> bool:
    """Whether its loss stopped being a number, or its gradient spiked."""
    seen = judge_convergence(run["loss"], run["grad_norm"], run["lr"], run["nan_count"])
    return bool(seen.nan_minutes or seen.spikes)


@dataclass(frozen=True, slots=True)
class Slowdown:
    """When a run became slower, and what is compared."""

    at: datetime
    before: Window
    after: Window
    ratio: float


def slowdown(run: Minutes, when: datetime | None, since: datetime) -> Slowdown | None:
    """The rise of the step time nearest to a named time, or the largest since a time; None when there is none."""
    found = changes(run["step_time_s"], min_size=8)
    bounds = [0, *(c.index for c in found), len(run.at) - 1]
    rises = []
    for number, change in enumerate(found):
        at = run.at[change.index]
        if change.after > SLOWER * change.before and (at >= since - NEAR if when is None else abs(at - when) <= NEAR):
            first, last = run.at[bounds[number]], run.at[bounds[number + 2]]
            rises.append(
                Slowdown(
                    at, Window(max(first, at - 3 * HOUR), at), Window(at, min(last, at + 3 * HOUR)), change.after / change.before
                )
            )
    rises = [r for r in rises if r.after.end - r.after.start >= 5 * MINUTE]
    key = (lambda r: -abs((r.at - when).total_seconds())) if when else (lambda r: r.ratio)
    return max(rises, key=key, default=None)


def named_instant(inquiry: Inquiry) -> datetime | None:
    """The instant that a question names: 'slowed down at 03:10'."""
    text = inquiry.reading.scope.entity("at")
    return parse_instant(text) if text else None


async def _explain(inquiry: Inquiry, run: Minutes, turn: Slowdown) -> Investigated:
    ranks = (await read_ranks(inquiry, [run.run_id], turn.after.end)).get(run.run_id, {})
    nodes = sorted({r.node_id for r in ranks.values()})
    day = Window(turn.before.end - timedelta(days=2), turn.before.end)
    rows = await inquiry.ask(
        {
            "gpus": gpu_plan(inquiry, nodes, turn.after, turn.before),
            "files": storage_plan(inquiry, run.cluster, turn.after, turn.before),
            "fabric": probe_plan(inquiry, run.cluster, turn.after, turn.before),
            "saves": saves_plan(inquiry, [run.run_id], turn.after, day),
            "xids": errors_plan(inquiry, nodes, Window(turn.at - HOUR, turn.after.end)),
        }
    )
    signs = [*_worker(run, turn, ranks, rows["gpus"]), *_gpus(rows["gpus"]), *_shared(rows), *_work(run, turn)]
    findings = await _findings(inquiry, run, turn, nodes)
    beside = [f for f in findings if f.playbook in SPOILS_THE_LOSS]
    signs += [_known(f) for f in findings if f not in beside]
    for finding in beside:
        inquiry.note(f"at that time too, though it slows nothing down: {'; '.join(h.text for h in finding.hits[:2])}")
    if not findings:
        inquiry.note("no playbook matched on the run's nodes, its files or its fabric at that time")
    if rows["xids"]:
        inquiry.note("XIDs on its nodes: " + ", ".join(f"{r['kind']} {r['code']} on {r['node_id']}" for r in rows["xids"][:5]))
    ranked = sorted(signs, key=lambda s: (-(s.weight if s.speaks else 0.0), s.suspect))
    table = [_whole(run, turn), *(_row(s) for s in ranked)]
    causes = [_cause(s, ranked) for s in ranked if s.speaks]
    return inquiry.found(_sentence(run, turn, table, ranked), COLUMNS, table, causes, confident=bool(causes))


def _worker(run: Minutes, turn: Slowdown, ranks: Mapping[int, Rank], gpus: Sequence[Row]) -> list[Sign]:
    after, before = (
        judged(run.inside(turn.after.start, turn.after.end), ranks),
        judged(run.inside(turn.before.start, turn.before.end), ranks),
    )
    text = explain_straggler(after, ranks)
    grew = after.spread / before.spread >= SLOWER if before.spread and before.spread == before.spread else True
    worker = after.kind is Straggling.WORKER and grew
    signs = [
        _sign(
            "one slow worker",
            HARDWARE,
            before.spread,
            after.spread,
            "slowest over fastest rank",
            SLOWER if worker else NEVER,
            text,
            0.9,
        )
    ]
    place = ranks.get(after.rank) if worker and after.rank is not None else None
    own = next((g for g in gpus if place and g["gpu_uuid"] == place.gpu_uuid), None)
    if own is not None:
        usual = float(np.median([g["mhz_now"] for g in gpus if g["mhz_now"]]))
        text = f"clock of {own['gpu_uuid']} against the run's other GPUs"
        signs.append(_sign("its clock", HARDWARE, usual, own["mhz_now"], "MHz", 0.95, text, 0.85))
        warm = float(np.median([g["temp_now"] for g in gpus if g["temp_now"]]))
        signs.append(_sign("its temperature", HARDWARE, warm, own["temp_now"], "Cel", 1.15, "against the run's other GPUs", 0.85))
    stage = after.kind is Straggling.STAGE
    text, limit = (explain_straggler(after, ranks), 1.001) if stage and grew else ("no stage stands out", NEVER)
    signs.append(_sign("pipeline stages", MODEL, before.spread, after.spread, "slowest over fastest rank", limit, text, 0.6))
    return signs


def _gpus(gpus: Sequence[Row]) -> list[Sign]:
    """All GPUs of the run together: heat, power and clocks of a whole rack or row."""
    both = [g for g in gpus if g["n_now"] and g["n_before"]]
    return [
        _sign(
            "clocks of all its GPUs",
            HARDWARE,
            _mean(both, "mhz_before"),
            _mean(both, "mhz_now"),
            "MHz",
            0.96,
            "mean over its busy GPUs",
            0.75,
        ),
        _sign(
            "temperature of all its GPUs",
            HARDWARE,
            _mean(both, "temp_before"),
            _mean(both, "temp_now"),
            "Cel",
            1.12,
            "mean over its busy GPUs",
            0.6,
        ),
    ]


def _mean(rows: Sequence[Row], name: str) -> float | None:
    known = [float(r[name]) for r in rows if r[name] is not None]
    return float(np.mean(known)) if known else None


def _shared(rows: Mapping[str, Sequence[Row]]) -> list[Sign]:
    signs = []
    for file in rows["files"]:
        text = f"queue of the file servers of {file['mount']}"
        signs.append(
            _sign(f"filesystem {file['mount']}", SHARED, file["queue_ms_before"], file["queue_ms_now"], "ms", 3.0, text, 0.7)
        )
    probe = next(iter(rows["fabric"]), None)
    if probe is not None:
        text = "99th percentile round trip in its cluster"
        signs.append(_sign("fabric", SHARED, probe["rtt_us_before"], probe["rtt_us_now"], "us", 1.8, text, 0.7))
    save = next(iter(rows["saves"]), None)
    if save is not None:
        text = "longest save against the median of the two days before"
        signs.append(_sign("checkpoints", SHARED, save["duration_s_before"], save["longest_s_now"], "s", 3.0, text, 0.65))
    return signs


def _work(run: Minutes, turn: Slowdown) -> list[Sign]:
    before, after = run.inside(turn.before.start, turn.before.end), run.inside(turn.after.start, turn.after.end)
    return [
        _sign(
            "sequence length",
            MODEL,
            before.mean("length"),
            after.mean("length"),
            "tokens",
            1.05,
            "mean length of the batches",
            0.8,
        )
    ]


async def _findings(inquiry: Inquiry, run: Minutes, turn: Slowdown, nodes: Sequence[str]) -> list[Finding]:
    """Playbooks that match half an hour into the slowdown on the run, its nodes, its files or its fabric."""
    found = await match_at(inquiry, min(turn.at + 30 * MINUTE, turn.after.end))
    topology = inquiry.ground.topology
    mine = {*nodes, run.run_id, run.cluster}
    kept = []
    for f in found:
        around = {e.id for x in (f.entity, *f.related) for e in topology.ancestors(x)}
        inner = {e.id for e in topology.descendants(f.entity)}
        if (around | inner) & mine and turn.at - HOUR <= f.since:
            kept.append(f)
    return kept


def _known(f: Finding) -> Sign:
    side = MODEL if f.playbook == "STAGE_IMBALANCE" else HARDWARE
    text = "; ".join(h.text for h in f.hits[:2])
    return Sign(
        f"{f.playbook} on {f.entity}", side, 1.0, 1.0 + f.strength, "strength of its signs", 1.1, text, 0.4 + 0.5 * f.strength
    )


def _sign(suspect: str, side: str, before: Any, after: Any, unit: str, limit: float, finding: str, weight: float) -> Sign:  # noqa: PLR0917
    return Sign(suspect, side, before, after, unit, limit, finding, weight)


def _row(sign: Sign) -> Row:
    speaks = {True: "for", False: "against", None: "not recorded"}[sign.speaks]
    return {
        "suspect": sign.suspect, "side": sign.side, "speaks": speaks, "before": figure(sign.before, 3),
        "after": figure(sign.after, 3),
        "ratio": figure(sign.ratio, 2), "unit": sign.unit, "finding": sign.finding,
    }  # fmt: skip


def _whole(run: Minutes, turn: Slowdown | None) -> Row:
    before = run.inside(turn.before.start, turn.before.end).mean("step_time_s") if turn else run.mean("step_time_s")
    after = run.inside(turn.after.start, turn.after.end).mean("step_time_s") if turn else None
    return {
        "suspect": f"step time of {run.run_id}", "side": "", "speaks": "", "before": figure(before, 2), "after": figure(after, 2),
        "ratio": figure(ratio(after, before), 2), "unit": "s", "since": turn.at if turn else None,
        "finding": "slower from then on" if turn else "no rise found",
    }  # fmt: skip


def _cause(sign: Sign, signs: Sequence[Sign]) -> Cause:
    against = tuple(f"{s.suspect} is unchanged" for s in signs if s.speaks is False and s.side == sign.side)[:3]
    return Cause(f"{sign.suspect} ({sign.side})", sign.weight, (sign.finding,), against)


def _sentence(run: Minutes, turn: Slowdown, table: Sequence[Row], ranked: Sequence[Sign]) -> str:
    whole = table[0]
    lead = f"Run {run.run_id} slowed down at {minute(turn.at)}, from {said(whole['before'])} to {said(whole['after'])} s a step"
    best = ranked[0] if ranked and ranked[0].speaks else None
    if best is None:
        return f"{lead}; the cause is unknown: none of the things looked at changed with it."
    return f"{lead}; it looks like {best.side}: {best.suspect} ({best.finding})."
