"""`llo11ypop replay`: run the loop over a recorded fault trace, and rank the nodes that fail again."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llo11ypop.core.errors import ConfigError

if TYPE_CHECKING:
    from llo11ypop.evals.replay_run import ReplayPlan
    from llo11ypop.simulator.trace_format import Trace

TOP = 10
"""How many nodes of the ranking are shown."""


def replay(  # noqa: PLR0917 - the options of a command line
    trace: Annotated[Path, typer.Argument(help="Trace, JSON or CSV (docs/trace-format.md).")],
    cadence: Annotated[str, typer.Option(help="How often the loop would run.")] = "15m",
    from_: Annotated[float, typer.Option("--from", help="Score faults from this day on; the loop sees the rest too.")] = 0.0,
    origin: Annotated[str, typer.Option(help="Day 0 of the trace.")] = "2024-03-30",
    nodes: Annotated[int, typer.Option(help="Size of the fleet; the trace names only nodes that failed.")] = 400,
    jobs: Annotated[int, typer.Option(help="Processes that share the trace.")] = 2,
    every_tick: Annotated[bool, typer.Option("--every-tick", help="Run at every tick, also where nothing changed.")] = False,
    partial: Annotated[bool, typer.Option("--partial", help="Accept a trace cut off at its beginning.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="List what was missed, false or repeated.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All figures as JSON.")] = False,
) -> None:
    """Turn a fault trace into telemetry, run the loop over it, and compare proposals with the faults."""
    from llo11ypop.core.window import parse_duration
    from llo11ypop.evals.fleet_score import to_stderr
    from llo11ypop.evals.replay_run import ReplayPlan
    from llo11ypop.observability.logs import configure_logging
    from llo11ypop.settings import find_config
    from llo11ypop.simulator.trace_format import load_trace

    configure_logging("warning", "text")
    try:
        every = parse_duration(cadence)
    except ValueError as bad:
        raise ConfigError(f"--cadence: {bad}") from bad
    if not every:
        raise ConfigError("--cadence is zero", next_step="write for example 15m")
    recorded = load_trace(trace, _origin(origin), partial=partial)
    _check(recorded, from_)
    plan = ReplayPlan(recorded, every, nodes, find_config(), every_tick)
    result = _result(plan, from_, jobs, to_stderr)
    print(json.dumps(result, ensure_ascii=False, indent=2) if as_json else _text(result, cadence))
    if explain and not as_json:
        for name in ("missed", "false", "duplicate_list", "unknown_given_cause_list"):
            for one in result[name]:
                print(f"{name}: {json.dumps(one, ensure_ascii=False)}")


def _origin(text: str) -> datetime:
    from llo11ypop.core.clock import parse_instant

    try:
        return parse_instant(text)
    except ValueError as bad:
        raise ConfigError(f"--origin '{text}' is not a day", next_step="write for example 2024-03-30") from bad


def _check(recorded: "Trace", from_day: float) -> None:
    if recorded.faults and not 0 <= from_day <= recorded.end_day:
        raise ConfigError(f"--from {from_day:g} lies outside the trace", next_step=f"it ends on day {recorded.end_day:g}")


def _result(plan: "ReplayPlan", from_day: float, jobs: int, progress: Any) -> dict[str, Any]:
    from llo11ypop.analysis.risk import offenders, rank, with_all_nodes
    from llo11ypop.evals.replay_run import run_replay, starts_by_node
    from llo11ypop.evals.replay_score import Clockwork, match_replay, replay_figures

    run = run_replay(plan, jobs, progress)
    clockwork = Clockwork(plan.trace, plan.cadence, from_day)
    figures = replay_figures(match_replay(run.tickets, clockwork, run.topology), clockwork)
    events = with_all_nodes(starts_by_node(plan.trace), plan.nodes)
    ranking = [
        {"node": r.node, "probability": round(r.probability, 4), "last_30": r.last_30, "last_60": r.last_60, "total": r.total}
        for r in rank(events, plan.trace.end_day)[:TOP]
    ]
    return {
        **figures,
        "cadence_s": plan.cadence.total_seconds(),
        "cycles": run.cycles,
        "cycle_s": round(run.cycle_s, 4),
        "errors": list(run.errors),
        "offenders": offenders(events, plan.trace.end_day, from_day),
        "ranking": ranking,
    }


def _text(result: dict[str, Any], cadence: str) -> str:
    lines = [
        f"{result['faults']} unplanned faults, {result['eligible']} incidents longer than the cadence of {cadence}; "
        f"{result['cycles']} cycles of {result['cycle_s']:.2f} s",
        f"Recall {_share(result['recall'])}, {result['proposals']} proposals, duplicates {_share(result['duplicates'])}, "
        f"during planned work {result['planned_proposals']}, without any fault {result['silent_proposals']}, "
        f"unknown given a cause {result['unknown_given_cause']}",
        f"{'shown as':<18}{'incidents':>10}{'found':>7}{'right cause':>13}",
    ]
    lines += [f"{n:<18}{r['eligible']:>10}{r['found']:>7}{r['right_cause']:>13}" for n, r in result["by_symptom"].items()]
    lines += _offenders(result["offenders"])
    lines.append(
        f"Most likely to fail within 30 days (not a certainty):\n{'node':<38}{'chance':>8}{'30 d':>6}{'60 d':>6}{'all':>5}"
    )
    lines += [
        f"{r['node']:<38}{_share(r['probability']):>8}{r['last_30']:>6}{r['last_60']:>6}{r['total']:>5}"
        for r in result["ranking"]
    ]
    lines += [f"error: {e}" for e in result["errors"][:5]]
    return "\n".join(lines)


def _offenders(o: dict[str, Any]) -> list[str]:
    from llo11ypop.analysis.risk import beyond_chance

    rules = (("two_in_30", "≥ 2 faults in 30 days"), ("three_in_60", "≥ 3 faults in 60 days"))
    lines = ["Repeat offenders: share of tickets followed by another fault of the node within 30 days"]
    for name, title in rules:
        rule, ours = (o[name]["tickets"], o[name]["precision"]), (o[f"ours_tickets_at_{name}"], o[f"ours_at_{name}"])
        verdict = "better" if beyond_chance(ours, rule) else "no better than chance allows: keep the rule"
        lines.append(f"  {title}: {_share(rule[1])} of {rule[0]} tickets; ours {_share(ours[1])} of {ours[0]} ({verdict})")
    lines.append(f"  Brier score {o['brier']} against {o['brier_base']} of the base rate")
    return lines


def _share(value: float | None) -> str:
    return "—" if value is None else f"{100 * value:.1f}%"
