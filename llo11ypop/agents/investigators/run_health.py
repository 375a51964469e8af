"""How training runs do: converging, progressing, steady, no straggler, checkpoints in time, GPUs cool."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from llo11ypop.agents.investigators.inquiry import HOUR, MINUTE, Inquiry, any_of
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.runs import Minutes, Rank, gpu_plan, ratio, read_minutes, read_ranks, saves_plan
from llo11ypop.agents.investigators.tables import Row, count_of, dimension, figure, listed, measure, minute, said
from llo11ypop.analysis.change_point import changes
from llo11ypop.analysis.convergence import Trend, judge_convergence
from llo11ypop.analysis.stragglers import Straggler, Straggling, judge_stragglers
from llo11ypop.core.window import Window

DEFAULT_WINDOW = timedelta(hours=24)
STALLED = 15 * MINUTE
"""Without a step for so long a run stands still; a save or an evaluation takes less (our assumption)."""
SLOWER = 1.08
"""Step time of the last level over the best level from which a run is called slower (our assumption; see SLOW_RATIO)."""
SLOW_SAVE = 3.0
"""Times the usual duration from which saves stall (ByteRobust and the playbooks use 3 to 20)."""
HOT_C = 85
"""Core temperature over which field practice warns."""
BLOCK = 2 * HOUR
EVER = "399d"
"""As far back as a plan may look."""
FINISHED = ("COMPLETED", "CANCELLED")
"""Ends of a job after which nobody expects further steps."""
NO_STEP = "no step"
OK, BAD, UNKNOWN = "ok", "not ok", "unknown"

COLUMNS = (
    dimension("run_id", "run"), dimension("check"), dimension("state"), measure("value"), measure("usual"), dimension("unit"),
    dimension("finding"),
)  # fmt: skip


@dataclass(frozen=True)
class Around:
    """What belongs to all runs of one look."""

    window: Window
    ranks: Mapping[str, Mapping[int, Rank]]
    saves: Mapping[str, Row]
    jobs: Mapping[str, Row]
    """Run → how its latest finished job ended."""
    gpus: Sequence[Row]


async def run_health(inquiry: Inquiry) -> Investigated:
    """Judge the named run, or every run that made steps in the window."""
    window = inquiry.window(DEFAULT_WINDOW)
    named = named_runs(inquiry)
    runs = await read_minutes(inquiry, window, named)
    if not runs:
        return await _without_steps(inquiry, named)
    around = await _around(inquiry, runs, window)
    rows = [row for run in runs for row in check_run(run, around)]
    bad = [r for r in rows if r["state"] == BAD]
    causes = [Cause(f"{r['run_id']}: {r['check']}", 0.7, (str(r["finding"]),)) for r in bad]
    inquiry.note("a straggler is named only when one rank is slowest most of the time; one stage on many ranks is imbalance")
    inquiry.note("stragglers are judged by two-hour blocks, the latest one that straggles counts")
    return inquiry.found(_sentence(runs, rows), COLUMNS, rows, causes, confident=True)


def named_runs(inquiry: Inquiry) -> list[str]:
    """The runs that a question names."""
    scope = inquiry.reading.scope
    named = {*(i for level, i in scope.entities if level in ("run", "run_id")), *scope.values("run_id")}
    return sorted(named or set(re.findall(r"\br-\d+\b", inquiry.reading.question)))


async def _without_steps(inquiry: Inquiry, named: Sequence[str]) -> Investigated:
    """Runs that made no step: when the last one was, and how their latest job ended."""
    if inquiry.missing("minutes of runs"):
        return inquiry.found("Unknown: there is no telemetry of training steps for this window.", COLUMNS, [])
    if not named:
        return inquiry.found("No training run made any step in this window.", COLUMNS, [])
    base = {"window": EVER, "where": any_of("run_id", named), "by": ["run_id"]}
    job = {"state": {"agg": "last", "field": "state"}, "ended_at": {"agg": "max", "field": "end_at"}}
    found = await inquiry.ask(
        {
            "last steps": base | {"dataset": "training_steps", "measures": {"last_at": {"agg": "max", "field": "ts"}}},
            "last jobs": base | {"dataset": "slurm_jobs", "where": f"({base['where']}) and end_at is not null", "measures": job},
        }
    )
    last = {r["run_id"]: r["last_at"] for r in found["last steps"]}
    ended = {r["run_id"]: r for r in found["last jobs"]}
    texts = {run: _last_of(last.get(run), ended.get(run)) for run in named}
    known = [run for run in named if run in last or run in ended]
    rows = [{"run_id": run, "check": "progressing", "state": UNKNOWN, "finding": texts[run]} for run in known]
    each = "; ".join(f"{text} ({run})" if len(texts) > 1 else text for run, text in texts.items())
    return inquiry.found(f"Run {listed(named)} made no step in this window: {each}.", COLUMNS, rows)


def _last_of(step: datetime | None, job: Row | None) -> str:
    text = f"the last one was at {minute(step)}" if step else "none was ever recorded"
    return text + (f", and its latest job ended {job['state']} at {minute(job['ended_at'])}" if job and job["ended_at"] else "")


async def _around(inquiry: Inquiry, runs: Sequence[Minutes], window: Window) -> Around:
    ids = [r.run_id for r in runs]
    ranks = await read_ranks(inquiry, ids, window.end)
    nodes = sorted({rank.node_id for mine in ranks.values() for rank in mine.values()})
    late = Window(max(window.start, window.end - BLOCK), window.end)
    early = Window(window.start, late.start) if late.start > window.start else window.before()
    rows = await inquiry.ask({"gpus of runs": gpu_plan(inquiry, nodes, late, early)})
    week = Window(window.start - timedelta(days=7), window.start)
    ended = {
        "dataset": "slurm_jobs", "window": inquiry.span(Window(window.start, inquiry.at)), "where": any_of("run_id", ids),
        "by": ["run_id"], "measures": {"state": {"agg": "last", "field": "state"}, "ended_at": {"agg": "max", "field": "end_at"}},
    }  # fmt: skip
    rows |= await inquiry.ask({"saves": saves_plan(inquiry, ids, window, week), "jobs of runs": ended})
    by_run = {name: {r["run_id"]: r for r in rows[name]} for name in ("saves", "jobs of runs")}
    return Around(window, ranks, by_run["saves"], by_run["jobs of runs"], rows["gpus of runs"])


def check_run(run: Minutes, around: Around) -> list[Row]:
    """Every check of one run, as rows."""
    return [
        _converging(run), _progressing(run, around), _steady(run), _straggling(run, around), _saving(run, around),
        _cool(run, around),
    ]  # fmt: skip


def _row(
    run: Minutes, check: str, state: str, finding: str, *, value: float | None = None, usual: float | None = None, unit: str = ""
) -> Row:
    shown = {"value": figure(value, 2), "usual": figure(usual, 2)}
    return {"run_id": run.run_id, "check": check, "state": state, "unit": unit, "finding": finding, **shown}


def _converging(run: Minutes) -> Row:
    seen = judge_convergence(run["loss"], run["grad_norm"], run["lr"], run["nan_count"])
    state = {Trend.FALLING: OK, Trend.FLAT: OK, Trend.UNKNOWN: UNKNOWN}.get(seen.trend, BAD)
    spikes = f", {count_of(seen.spikes, 'spike')} of the gradient norm" if seen.spikes else ""
    nan = f", {count_of(seen.nan_minutes, 'minute')} with a loss that is not a number" if seen.nan_minutes else ""
    if seen.nan_minutes:
        state = BAD
    return _row(
        run, "converging", state, f"loss is {seen.trend}{spikes}{nan}", value=seen.last_loss, usual=seen.first_loss, unit="loss"
    )


def _progressing(run: Minutes, around: Around) -> Row:
    steps = run["step"][np.isfinite(run["step"])]
    made = float(steps[-1] - steps[0]) if len(steps) else 0.0
    silent = around.window.end - run.at[-1]
    back = bool(len(steps)) and float(np.min(np.diff(steps), initial=0.0)) < 0
    ended = _ended(run, around) if silent > STALLED else None
    state = BAD if silent > STALLED and (ended is None or ended["state"] not in FINISHED) else OK
    text = f"{NO_STEP} for the last {silent / MINUTE:.0f} minutes" if silent > STALLED else "steps are being made"
    text += f", its job ended {ended['state']} at {ended['ended_at']:%Y-%m-%d %H:%MZ}" if ended else ""
    return _row(
        run,
        "progressing",
        state,
        text + (", went back to a checkpoint in between" if back else ""),
        value=made,
        unit="steps made",
    )


def _ended(run: Minutes, around: Around) -> Row | None:
    """How the run's job ended after its last step; none when it did not."""
    job = around.jobs.get(run.run_id)
    return job if job and job["ended_at"] >= run.at[-1] - STALLED else None


def _steady(run: Minutes) -> Row:
    values = run["step_time_s"]
    found = changes(values, min_size=10)
    levels = [found[0].before, *(c.after for c in found)] if found else [run.mean("step_time_s")]
    last, best = levels[-1], min(levels)
    slow = last > SLOWER * best
    text = "step time is higher than it was" if slow else "step time is steady"
    rise = max(found, key=lambda c: c.shift) if slow else None
    when = run.at[rise.index] if rise else None
    text += f" since {when:%Y-%m-%d %H:%MZ}" if when else ""
    return _row(run, "steady", BAD if slow else OK, text, value=last, usual=best, unit="s per step")


def _straggling(run: Minutes, around: Around) -> Row:
    ranks = around.ranks.get(run.run_id, {})
    seen, until = latest_straggling(run, around.window, ranks)
    if seen is None:
        return _row(run, "even ranks", UNKNOWN, "too few minutes with the times of ranks")
    over = f" (over by {until:%Y-%m-%d %H:%MZ})" if until < around.window.end else ""
    state = BAD if seen.kind in (Straggling.WORKER, Straggling.LENGTH, Straggling.STAGE) else OK
    text = explain_straggler(seen, ranks) + (over if state == BAD else "")
    return _row(run, "even ranks", state, text, value=seen.spread, usual=1.0, unit="slowest over fastest rank")


def latest_straggling(run: Minutes, window: Window, ranks: Mapping[int, Rank]) -> tuple[Straggler | None, datetime]:
    """The verdict on the latest two-hour block that straggles, else on the last one, and the block's end.

    None with too few minutes.
    """
    end, last = window.end, None
    while end > window.start:
        seen = judged(run.inside(max(window.start, end - BLOCK), end), ranks)
        if seen.kind in (Straggling.WORKER, Straggling.LENGTH, Straggling.STAGE):
            return seen, end
        last = last or (seen if seen.kind is not Straggling.UNKNOWN else None)
        end -= BLOCK
    return last, window.end


def judged(part: Minutes, ranks: Mapping[int, Rank]) -> Straggler:
    """The straggler verdict on some minutes."""
    several = len({r.stage for r in ranks.values()}) > 1
    return judge_stragglers(
        part["slowest_s"], part["fastest_s"], part["rank"], part["stage"], part["step_time_s"], part["length"], pipelined=several
    )


def explain_straggler(seen: Straggler, ranks: Mapping[int, Rank]) -> str:
    """What the verdict means, with the worker's place where it is one."""
    match seen.kind:
        case Straggling.WORKER:
            where = ranks.get(seen.rank) if seen.rank is not None else None
            place = f" on {where.node_id} ({where.gpu_uuid})" if where else ""
            return f"rank {seen.rank}{place} is the slowest in {seen.rank_share:.0%} of the minutes"
        case Straggling.STAGE:
            return f"not hardware: stage {seen.stage} is always the slowest, on {seen.ranks_seen} different ranks"
        case Straggling.LENGTH:
            return f"not hardware: step time follows the sequence length (r = {seen.length_r:.2f}), the slowest rank changes"
        case Straggling.UNCLEAR:
            return "ranks differ, but no rank, stage or length stands out"
        case _:
            return "all ranks take about as long"


def _saving(run: Minutes, around: Around) -> Row:
    row = around.saves.get(run.run_id)
    if row is None or not row["saves_now"]:
        return _row(run, "checkpoints", UNKNOWN, "no checkpoint was saved in the window")
    usual = row["duration_s_before"] or row["duration_s_now"]
    times = ratio(row["longest_s_now"], usual) or 1.0
    bad = times >= SLOW_SAVE or row["failed_now"] > 0
    text = f"{count_of(row['saves_now'], 'save')}, {row['failed_now']} failed, the longest took {times:.1f} times the usual"
    return _row(run, "checkpoints", BAD if bad else OK, text, value=row["longest_s_now"], usual=usual, unit="s per save")


def _cool(run: Minutes, around: Around) -> Row:
    mine = {rank.gpu_uuid for rank in around.ranks.get(run.run_id, {}).values()}
    rows = [r for r in around.gpus if r["gpu_uuid"] in mine and r["temp_now"] is not None]
    if not rows:
        return _row(run, "temperatures", UNKNOWN, "its GPUs reported no temperature under load")
    temps = np.array([r["temp_now"] for r in rows])
    usual, worst = float(np.median(temps)), rows[int(np.argmax(temps))]
    hot = [r for r in rows if r["temp_now"] > HOT_C]
    text = f"{count_of(len(hot), 'GPU')} over {HOT_C} °C" if hot else f"all GPUs under {HOT_C} °C"
    text += f", the warmest is GPU {worst['gpu_index']} of {worst['node_id']}"
    return _row(run, "temperatures", BAD if hot else OK, text, value=float(worst["temp_now"]), usual=usual, unit="Cel")


def _sentence(runs: Sequence[Minutes], rows: Sequence[Row]) -> str:
    bad = [r for r in rows if r["state"] == BAD]
    if len(runs) == 1:
        run = runs[0]
        good = [str(r["check"]) for r in rows if r["state"] == OK and not str(r["finding"]).startswith(NO_STEP)]
        loss = next(r for r in rows if r["check"] == "converging")
        trouble = "; ".join(f"{r['check']}: {r['finding']}" for r in bad)
        made = str(next(r["finding"] for r in rows if r["check"] == "progressing"))
        calm = f"{made}; until then nothing stood out" if made.startswith(NO_STEP) else "nothing stands out"
        state = f"not in order: {trouble}" if bad else calm
        order = f"; in order: {', '.join(good)}" if good else ""
        return f"Run {run.run_id}: {state}{order}; loss went from {said(loss['usual'])} to {said(loss['value'])}."
    ill = list(dict.fromkeys(str(r["run_id"]) for r in bad))
    if not ill:
        return f"All runs are in order: {listed([r.run_id for r in runs], 12)}."
    parts = [f"{run}: {'; '.join(str(r['finding']) for r in bad if r['run_id'] == run)}" for run in ill[:3]]
    fine = [r.run_id for r in runs if r.run_id not in ill]
    return f"Not in order: {listed(ill, 12)}. {'. '.join(parts)}." + (f" In order: {listed(fine, 12)}." if fine else "")
