"""`llo11ypop score`: judge what the loop proposes against what was injected."""

import json
import tempfile
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llo11ypop.core.errors import ConfigError

if TYPE_CHECKING:
    from llo11ypop.evals.fleet_score import FleetScore, Wanted


def score(  # noqa: PLR0917 - the options of a command line
    fleets: Annotated[list[Path] | None, typer.Argument(help="Fleet files; each has its truth beside it.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Simulate this seed and score it (repeatable).")] = None,
    gpus: Annotated[int, typer.Option(help="Size of simulated fleets.")] = 512,
    days: Annotated[float, typer.Option(help="Length of simulated fleets.")] = 21.0,
    cadence: Annotated[str, typer.Option(help="How often the loop runs.")] = "15m",
    profile: Annotated[str, typer.Option(help="Exporter profile of simulated fleets: full or default.")] = "full",
    quiet: Annotated[bool, typer.Option("--quiet", help="Simulate decoys only: every proposal is false.")] = False,
    scenario: Annotated[Path | None, typer.Option(help="Inject this scenario instead of drawn incidents.")] = None,
    jobs: Annotated[int, typer.Option(help="Fleets scored at once.")] = 2,
    start: Annotated[str | None, typer.Option("--from", help="First cycle; default a day after the start.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Last cycle; default the end.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep simulated fleets in this folder and reuse them.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Print each miss and false one as its fleet ends (stderr).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All figures as JSON.")] = False,
) -> None:
    """Run the loop over whole fleets with nobody answering, and compare its proposals with the truth."""
    from llo11ypop.core.window import parse_duration
    from llo11ypop.evals.fleet_score import Wanted
    from llo11ypop.evals.report import report, text
    from llo11ypop.observability.logs import configure_logging
    from llo11ypop.settings import find_config

    configure_logging("warning", "text")
    try:
        every = parse_duration(cadence)
    except ValueError as bad:
        raise ConfigError(f"--cadence: {bad}") from bad
    if not every:
        raise ConfigError("--cadence is zero", next_step="write for example 15m")
    wanted = Wanted(every, _instant(start, "--from"), _instant(until, "--until"), find_config())
    made: dict[str, Any] = {"gpus": gpus, "days": days, "profile": profile, "quiet": quiet, "scenario": scenario}
    seeds = seed if seed or fleets else [1]
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="llo11ypop-score-")))
        folder.mkdir(parents=True, exist_ok=True)
        work: list[Work] = [(f, None, made, wanted, explain) for f in fleets or []]
        work += [(folder / _name(s, made), s, made, wanted, explain) for s in seeds or []]
        scores = _all(work, jobs)
    result = report(scores)
    if as_json:
        print(json.dumps(result, default=str, ensure_ascii=False, indent=2))
    else:
        print(text(result))


Work = tuple[Path, int | None, dict[str, Any], "Wanted", bool]


def _all(work: list[Work], jobs: int) -> "list[FleetScore]":
    """Score every fleet, as many at once as asked for, in the order given."""
    if jobs < 2 or len(work) < 2:  # noqa: PLR2004 - one at a time
        return [_one(w) for w in work]
    from llo11ypop.evals.workers import workers

    with workers(min(jobs, len(work))) as pool:
        return list(pool.map(_one, work))


def _one(work: Work) -> "FleetScore":
    from llo11ypop.evals.explain import explain as lines_of
    from llo11ypop.evals.fleet_score import score_fleet, simulate_fleet, to_stderr

    fleet, seed, made, wanted, explain = work
    label = fleet.stem if seed is None else f"seed {seed}"
    if seed is not None and not fleet.exists():
        to_stderr(f"{label}: simulating {made['gpus']} GPUs × {made['days']:g} days")
        simulate_fleet(fleet, seed=seed, **made)
    score = score_fleet(fleet, wanted, progress=to_stderr, label=label)
    to_stderr(f"{label}: {_in_short(score)}")
    for line in lines_of(score.ours) if explain else ():
        to_stderr(line)
    return score


def _in_short(score: "FleetScore") -> str:
    """The figures of one fleet in a line, so that those of the first are not lost with the last."""
    from llo11ypop.evals.score import figures

    keys = ("incidents", "recall", "precision", "entity_level", "cause_top1", "action_acceptable", "forbidden", "duplicates")
    found = figures([score.ours])
    return ", ".join(f"{k} {found[k]}" for k in keys)


def _name(seed: int, made: dict[str, Any]) -> str:
    kind = "quiet" if made["quiet"] else made["scenario"].stem if made["scenario"] else "drawn"
    return f"{kind}-{made['profile']}-{made['gpus']}x{made['days']:g}-seed{seed}.duckdb"


def _instant(text: str | None, option: str) -> datetime | None:
    from llo11ypop.core.clock import parse_instant

    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as bad:
        raise ConfigError(f"{option} '{text}' is not an instant", next_step="write 2026-05-03T12:00:00Z") from bad
