"""A score as JSON and as the table a person reads."""

from collections.abc import Sequence
from typing import Any

from llo11ypop.evals.explain import false_json, missed_json
from llo11ypop.evals.fleet_score import FleetScore
from llo11ypop.evals.score import figures, per_mode


def report(scores: Sequence[FleetScore]) -> dict[str, Any]:
    """Everything `score --json` prints: totals, per mode, the baseline, per fleet, missed and false."""
    ours, static = [s.ours for s in scores], [s.baseline for s in scores]
    cycles = sum(s.cycles for s in scores)
    return {
        **figures(ours),
        "cycles": cycles,
        "cycle_s": round(sum(s.cycle_s * s.cycles for s in scores) / cycles, 4) if cycles else 0.0,
        "per_mode": per_mode(ours),
        "baseline": {**figures(static), "per_mode": per_mode(static)},
        "per_seed": {s.ours.label: figures([s.ours]) for s in scores},
        "missed": missed_json(ours),
        "false": false_json(ours),
        "errors": [e for s in scores for e in s.errors],
    }


_LINES = (
    ("recall", "Recall", "%"), ("found_in_time", "Found in time", "%"), ("precision", "Precision", "%"),
    ("duplicates", "Duplicates", "%"), ("entity_level", "Right entity", "%"), ("cause_top1", "Right cause", "%"),
    ("queue", "Right queue", "%"), ("action_acceptable", "Acceptable action", "%"), ("forbidden", "Forbidden actions", ""),
    ("planned_or_quiet_proposals", "Planned work or decoys", ""), ("false_per_1000_gpu_days", "False per 1,000 GPU-days", ""),
    ("median_delay_cycles", "Median delay, cycles", ""),
)  # fmt: skip


def text(result: dict[str, Any]) -> str:
    """The totals beside the static-threshold baseline, then each mode."""
    static = result["baseline"]
    lines = [
        f"{result['incidents']} incidents, {result['proposals']} proposals in {result['cycles']} cycles "
        f"of {result['cycle_s']:.2f} s; static thresholds: {static['proposals']} alerts",
        f"{'':<26}{'llo11ypop':>12}{'thresholds':>12}",
    ]
    lines += [f"{name:<26}{_value(result[key], unit):>12}{_value(static[key], unit):>12}" for key, name, unit in _LINES]
    lines.append(
        f"\n{'mode':<10}{'n':>4}{'found':>7}{'in time':>9}{'entity':>8}{'cause':>7}{'queue':>7}{'action':>8}"
        f"{'dup':>5}{'false':>7}"
    )
    for mode, f in result["per_mode"].items():
        lines.append(
            f"{mode:<10}{f['incidents']:>4}{f['found']:>7}{_value(f['found_in_time'], '%'):>9}"
            f"{_value(f['entity_level'], '%'):>8}"
            f"{_value(f['cause_top1'], '%'):>7}{_value(f['queue'], '%'):>7}{_value(f['action_acceptable'], '%'):>8}"
            f"{f['duplicates']:>5}{f['false']:>7}"
        )
    if result["not_exported_incidents"]:
        lines.append(f"{result['not_exported_incidents']} incidents left no exported evidence and are not counted.")
    lines += [f"error: {e}" for e in result["errors"][:5]]
    return "\n".join(lines)


def _value(value: float, unit: str) -> str:
    return f"{100 * value:.1f}%" if unit else f"{value:g}"
