"""`llo11ypop run-trace`: who or what slows a training run down, from a trace of its operations."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from llo11ypop.core.errors import ConfigError

COLUMNS = {
    "worker": ("worker", "rank", "worker_id"),
    "stage": ("stage", "pipeline_stage", "pp_rank"),
    "step": ("step", "iteration"),
    "op": ("op", "operation", "name"),
    "start": ("start", "start_s", "start_us"),
    "end": ("end", "end_s", "end_us"),
}
"""What an operation has → names under which a file may call it. `stage` may be missing: one stage."""
SHOWN = 5
"""Suspects in the text."""


def run_trace(
    file: Annotated[Path, typer.Argument(help="CSV or JSON with worker, stage, step, op, start and end of every operation.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Name the straggler of a training run, or say that it is stage or sequence-length imbalance."""
    from llo11ypop.analysis.operation_trace import judge_trace

    rows = read_trace(file)
    try:
        verdict = judge_trace(rows)
    except ValueError as bad:
        raise ConfigError(f"{file}: {bad}", next_step="record more steps, with the compute operations of all workers") from bad
    print(json.dumps(asdict(verdict), ensure_ascii=False, indent=2) if as_json else text(asdict(verdict)))


def read_trace(file: Path) -> list[Any]:
    """The operations of a file; JSON is a list of objects. Raises ConfigError with the row that cannot be read."""
    from llo11ypop.analysis.operation_trace import Operation

    rows = _raw_rows(file)
    if not rows:
        raise ConfigError(f"{file}: no operations in it", next_step="one row per operation: worker, stage, step, op, start, end")
    named = {column: next((a for a in aliases if a in rows[0]), "") for column, aliases in COLUMNS.items()}
    absent = [column for column, name in named.items() if not name and column != "stage"]
    if absent:
        raise ConfigError(f"{file}: no column {', '.join(absent)}", next_step=f"the columns are {', '.join(map(str, rows[0]))}")
    found = []
    for number, row in enumerate(rows, start=1):
        try:
            found.append(
                Operation(
                    worker=str(row[named["worker"]]),
                    stage=str(row[named["stage"]]) if named["stage"] else "0",
                    step=int(row[named["step"]]),
                    op=str(row[named["op"]]),
                    start=float(row[named["start"]]),
                    end=float(row[named["end"]]),
                )
            )
        except (KeyError, TypeError, ValueError) as bad:
            raise ConfigError(f"{file}: operation {number} cannot be read: {bad}") from bad
    return found


def _raw_rows(file: Path) -> list[dict[str, Any]]:
    import csv

    try:
        content = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as bad:
        raise ConfigError(f"{file}: cannot be read: {bad}") from bad
    if file.suffix.lower() != ".json":
        return list(csv.DictReader(content.splitlines()))
    try:
        rows = json.loads(content)
    except json.JSONDecodeError as bad:
        raise ConfigError(f"{file}:{bad.lineno}: not JSON: {bad.msg}") from bad
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(f"{file}: expected a list of operations")
    return rows


def text(verdict: dict[str, Any]) -> str:
    """The verdict in a few lines."""
    head = {
        "worker": f"Straggler: worker {verdict['name']}.",
        "stage imbalance": f"Not hardware: stage {verdict['name']} has more work than the others.",
        "sequence-length imbalance": "Not hardware: sequence lengths differ from step to step.",
        "nobody": "No straggler.",
        "unclear": "Unknown: nothing stands out.",
    }[verdict["blame"]]
    lines = [f"{head} {verdict['workers']} workers, {verdict['steps']} steps, slowed down {verdict['slowdown']:.2f} times."]
    lines += [f"  {reason}" for reason in verdict["reasons"]]
    lines += [
        f"  {s['kind']:<7} {s['name'] or '-':<12} {s['share']:>6.0%} of the slowdown, {s['slowdown']:.2f} × typical"
        for s in verdict["suspects"][:SHOWN]
    ]
    return "\n".join(lines)


app = typer.Typer(rich_markup_mode=None, add_completion=False)
app.command("run-trace")(run_trace)
