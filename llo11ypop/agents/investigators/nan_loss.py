"""Why a loss was not a number: silent corruption that follows a node, or the model's own optimiser and batches."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from llo11ypop.agents.investigators.inquiry import HOUR, Inquiry, any_of
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.run_health import named_runs
from llo11ypop.agents.investigators.runs import Minutes, errors_plan, read_minutes, read_nodes
from llo11ypop.agents.investigators.tables import Row, count_of, dimension, figure, measure, minute, moment, said
from llo11ypop.analysis.convergence import Convergence, judge_convergence
from llo11ypop.core.window import Window

DEFAULT_WINDOW = timedelta(days=7)
REPLAYS = timedelta(days=14)
"""How far back replays and spikes of other runs on a node are looked for (our assumption)."""
WARM = 1.5
"""Learning rate at the spike over its median from which it is called raised (our assumption)."""
REPEATED = 3
"""Spikes in the window from which they are called repeated (our assumption)."""
COLUMNS = (
    dimension("suspect"), dimension("side"), dimension("speaks"), measure("value"), dimension("unit"), moment("since"),
    dimension("finding"),
)  # fmt: skip
SDC, MODEL = "silent corruption", "model"


async def nan_loss(inquiry: Inquiry, within: Window | None = None) -> Investigated:
    """Weigh replays, other runs on the same nodes and memory errors against the order of spike, rate and NaN.

    `within`: another window than the question's.
    """
    window, named = within or inquiry.window(DEFAULT_WINDOW), named_runs(inquiry)
    runs = await read_minutes(inquiry, window, named)
    if not runs:
        return inquiry.found("Unknown: no run made steps in this window.", COLUMNS, [])
    judged = [(run, judge_convergence(run["loss"], run["grad_norm"], run["lr"], run["nan_count"])) for run in runs]
    run, seen = max(judged, key=lambda j: (j[1].nan_minutes, j[1].spikes))
    if not seen.nan_minutes and not seen.spikes:
        rows = [_row("loss", "", "", 0, "minutes", None, "always a number, no spike of the gradient norm")]
        return inquiry.found(
            f"The loss of {run.run_id} was always a number in this window, and its gradient did not spike.", COLUMNS, rows
        )
    return await _weigh(inquiry, run, seen)


async def _weigh(inquiry: Inquiry, run: Minutes, seen: Convergence) -> Investigated:
    first = seen.first_spike if seen.first_spike is not None else seen.first_nan
    began = run.at[first] if first is not None else run.at[-1]
    nodes = await read_nodes(inquiry, run.run_id, began, inquiry.at)
    back = inquiry.span(Window(max(began - REPLAYS, inquiry.at - timedelta(days=390)), inquiry.at))
    replays = {
        "dataset": "training_evals", "window": back, "where": f"kind = 'replay' and {any_of('node_id', nodes)}",
        "by": ["node_id"],
        "measures": {
            "mismatches": {"agg": "sum", "field": "mismatch"}, "replays": {"agg": "count"},
            "first_at": {"agg": "min", "field": "ts", "where": "mismatch = 1"},
        },
    }  # fmt: skip
    rows = await inquiry.ask(
        {"replays": replays, "xids": errors_plan(inquiry, nodes, Window(began - HOUR, min(began + HOUR, inquiry.at)))}
    )
    others = await _other_runs(inquiry, run, nodes, began)
    table = [
        _event(run, seen, began),
        *_corruption(rows["replays"]),
        *_memory(rows["xids"]),
        _others(others, nodes),
        *_model(run, seen),
    ]
    table[1:] = sorted(table[1:], key=lambda r: {"for": 0, "against": 1, "not recorded": 2}[str(r["speaks"])])
    sdc = [r for r in table if r["side"] == SDC and r["speaks"] == "for"]
    model = [r for r in table if r["side"] == MODEL and r["speaks"] == "for"]
    inquiry.note(
        "a replay that differs bit by bit proves corruption; one that agrees does not rule it out (about 70 % are found)"
    )
    causes = [
        _cause(SDC, sdc, table, 0.9 if any(r["suspect"] == "replays" for r in sdc) else 0.5),
        _cause(MODEL, model, table, 0.6),
    ]
    kept = sorted((c for c in causes if c.for_), key=lambda c: -c.score)
    return inquiry.found(_sentence(run, table, sdc, model), COLUMNS, table, kept, confident=bool(sdc) or len(model) > 1)


async def _other_runs(inquiry: Inquiry, run: Minutes, nodes: Sequence[str], began: datetime) -> list[str]:
    """Other runs on some of the same nodes whose gradient spiked in the days around."""
    back = Window(began - timedelta(days=3), inquiry.at)
    place = {
        "dataset": "training_ranks", "window": inquiry.span(Window(began - REPLAYS, inquiry.at)),
        "where": f"{any_of('node_id', nodes)} and run_id != '{run.run_id}'", "by": ["run_id"],
        "measures": {"n": {"agg": "count"}},
    }  # fmt: skip
    ids = [r["run_id"] for r in (await inquiry.ask({"runs on the same nodes": place}))["runs on the same nodes"]]
    if not ids:
        return []
    minutes = await read_minutes(inquiry, back, ids)
    return [m.run_id for m in minutes if judge_convergence(m["loss"], m["grad_norm"], m["lr"], m["nan_count"]).spikes >= REPEATED]


def _event(run: Minutes, seen: Convergence, began: datetime) -> Row:
    nan = f"; first minute without a number {minute(run.at[seen.first_nan])}" if seen.first_nan is not None else ""
    text = f"{count_of(seen.spikes, 'spike')} of the gradient norm{nan}"
    return _row(f"loss of {run.run_id}", "", "", seen.nan_minutes, "minutes that are not a number", began, text)


def _corruption(replays: Sequence[Row]) -> list[Row]:
    bad = [r for r in replays if r["mismatches"]]
    if bad:
        return [
            _row(
                "replays",
                SDC,
                "for",
                r["mismatches"],
                "replays that differ",
                r["first_at"],
                f"steps replayed on {r['node_id']} differ",
            )
            for r in bad
        ]
    count = sum(r["replays"] for r in replays)
    state = "against" if count else "not recorded"
    return [
        _row("replays", SDC, state, 0, "replays that differ", None, f"{count_of(count, 'replay')} on its nodes, all the same")
    ]


def _memory(xids: Sequence[Row]) -> list[Row]:
    hit = [r for r in xids if r["kind"] == "xid" and r["code"] in (48, 63, 64, 94, 95, 140, 171, 172)]
    first = min((r["first_at"] for r in hit), default=None)
    text = ", ".join(f"XID {r['code']} on {r['node_id']}" for r in hit) or "no memory error on its nodes within an hour"
    return [_row("memory errors", SDC, "for" if hit else "against", len(hit), "nodes and codes", first, text)]


def _others(others: Sequence[str], nodes: Sequence[str]) -> Row:
    text = (
        f"gradient spikes also on {', '.join(others)}, on the same nodes"
        if others
        else "no other run on its nodes has repeated spikes"
    )
    return _row("other runs on its nodes", SDC, "for" if others else "against", len(others), "runs", None, text)


def _model(run: Minutes, seen: Convergence) -> list[Row]:
    rows = []
    if seen.first_spike is not None:
        peak = float(np.nanmax(run["grad_norm"]) / np.nanmedian(run["grad_norm"]))
        order = "the gradient grew before the loss stopped being a number" if seen.spike_before_nan else "the gradient spiked"
        rows.append(_row("gradient", MODEL, "for", peak, "times its median", run.at[seen.first_spike], order))
    high = seen.lr_at_spike == seen.lr_at_spike and seen.lr_at_spike >= WARM
    text = "the learning rate was raised" if high else "the learning rate was as usual"
    rows.append(_row("learning rate", MODEL, "for" if high else "against", seen.lr_at_spike, "times its median", None, text))
    jump = seen.first_nan is not None and not seen.spike_before_nan
    if jump:
        rows.append(
            _row(
                "sudden",
                SDC,
                "for",
                seen.nan_minutes,
                "minutes",
                run.at[seen.first_nan or 0],
                "not a number without any spike before",
            )
        )
    return rows


def _row(suspect: str, side: str, speaks: str, value: float, unit: str, since: datetime | None, finding: str) -> Row:
    return {
        "suspect": suspect, "side": side, "speaks": speaks, "value": figure(value), "unit": unit, "since": since,
        "finding": finding,
    }  # fmt: skip


def _cause(side: str, speaking: Sequence[Row], table: Sequence[Row], score: float) -> Cause:
    against = tuple(str(r["finding"]) for r in table if r["side"] == side and r["speaks"] == "against")
    return Cause(side, score, tuple(str(r["finding"]) for r in speaking), against)


def _sentence(run: Minutes, table: Sequence[Row], sdc: Sequence[Row], model: Sequence[Row]) -> str:
    event = table[0]
    since = f" from {minute(event['since'])}" if event["since"] else ""
    nan = f"The loss of {run.run_id} was not a number in {said(event['value'])} minutes{since}"
    lead = nan if event["value"] else f"The loss of {run.run_id} was always a number, but its gradient spiked{since}"
    if any(r["suspect"] == "replays" for r in sdc):
        return f"{lead}; it looks like silent corruption: {sdc[0]['finding']}."
    if model and all(r["suspect"] == "sudden" for r in sdc):
        return f"{lead}; it looks like the model, not the hardware: {model[0]['finding']}, and nothing points at a node."
    return f"{lead}; the cause is unknown: signs point both ways or nowhere."
