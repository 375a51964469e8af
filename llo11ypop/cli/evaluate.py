"""`llo11ypop eval`: ask the suite's questions and say how many answers are right, and which agent was wrong."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from llo11ypop.agents.query_writer.minds import Minds
from llo11ypop.core.errors import ConfigError

app = typer.Typer(add_completion=False)


@app.command("eval")
def evaluate(  # noqa: PLR0917 - the options of a command line
    cases: Annotated[Path, typer.Option(help="Folder of case folders.")] = Path("tests/evals"),
    seed: Annotated[list[int] | None, typer.Option(help="Simulate fleets of this seed (repeatable; default 1).")] = None,
    gpus: Annotated[int, typer.Option(help="Size of simulated fleets.")] = 512,
    days: Annotated[float, typer.Option(help="Length of simulated fleets.")] = 21.0,
    fleet: Annotated[list[Path] | None, typer.Option(help="Ask this fleet file instead (repeatable).")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Cases with this tag, id, level or analyst (repeatable).")] = None,
    compare: Annotated[Path | None, typer.Option(help="An earlier run's --json to compare with.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")] = None,
    keep: Annotated[Path, typer.Option(help="Folder in which simulated fleets are kept.")] = Path(".llo11ypop/fleets"),
    jobs: Annotated[int, typer.Option(help="Fleets simulated and asked at once.")] = 2,
    paraphrases: Annotated[bool, typer.Option(help="Ask every question in its other words too.")] = True,
    known: Annotated[Path | None, typer.Option(help="Write the cases that fail, as tests/evals/known.yaml lists them.")] = None,
    mind: Annotated[
        Minds | None, typer.Option(help="Ask single questions of rules, model, or both side by side, and compare.")
    ] = None,
    k: Annotated[int, typer.Option(min=1, help="With --mind: how often everything is asked.")] = 3,
    check: Annotated[bool, typer.Option("--check", help="Only read the cases; with --fleet also run their SQL.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All figures and records as JSON.")] = False,
) -> None:
    """Run the suite. Exit 1 where the harness broke, or where a comparison is worse beyond chance."""
    from llo11ypop.evals.fleet_score import to_stderr
    from llo11ypop.evals.suite.fleets import given, simulated
    from llo11ypop.evals.suite.html import page
    from llo11ypop.evals.suite.loading import load_cases
    from llo11ypop.evals.suite.minds import run_minds
    from llo11ypop.evals.suite.paired import compare as compared
    from llo11ypop.evals.suite.paired import read_records
    from llo11ypop.evals.suite.report import as_json as whole
    from llo11ypop.evals.suite.report import failing, text
    from llo11ypop.evals.suite.suite import judge_pairs, run_suite
    from llo11ypop.evals.suite.truth import only as chosen
    from llo11ypop.observability.logs import configure_logging

    configure_logging("error", "text")
    if check:
        _check(cases, fleet or [])
        return
    wanted = chosen(load_cases(cases), only or [])
    before = read_records(compare) if compare else None
    kinds = {c.fleet for c in wanted}
    files = given(fleet or []) or simulated(
        kinds, seed or [1], gpus=gpus, days=days, folder=keep, cases=cases, progress=to_stderr, jobs=jobs
    )
    if mind is not None:
        _minds(run_minds(wanted, files, mind, k=k, paraphrases=paraphrases, folder=cases, progress=to_stderr), as_json=as_json)
        return
    records = run_suite(wanted, files, paraphrases=paraphrases, progress=to_stderr, jobs=jobs)
    against = compared(records, before) if before is not None else None
    result = whole(records, judge_pairs(cases), against)
    if known:
        known.write_text(failing(records), encoding="utf-8")
    if html:
        html.write_text(page(result), encoding="utf-8")
    print(json.dumps(result, default=str, ensure_ascii=False, indent=1) if as_json else text(result))
    if result["harness_errors"] or (against is not None and against.worse):
        raise typer.Exit(1)


def _minds(found: dict[str, Any], *, as_json: bool) -> None:
    """Print minds side by side. Exit 1 where models with their fallback are worse than the rules beyond chance."""
    from llo11ypop.evals.suite.minds import text
    from llo11ypop.evals.suite.paired import SIGNIFICANT

    print(json.dumps(found, indent=1) if as_json else text(found))
    both = found["against_rules"].get(Minds.BOTH.value, {})
    if any(a["broken"] > a["mended"] and a["p_value"] < SIGNIFICANT for a in both.values()):
        raise typer.Exit(1)


def _check(folder: Path, fleets: list[Path]) -> None:
    from llo11ypop.evals.suite.case import Case
    from llo11ypop.evals.suite.loading import read_cases
    from llo11ypop.evals.suite.truth import check_sql

    found, mistakes = read_cases(folder)
    levels = Counter(c.level if isinstance(c, Case) else f"component {c.agent}" for c in found)
    for level, count in sorted(levels.items()):
        print(f"{level:<20}{count:>5}")
    print(f"{'all':<20}{len(found):>5}")
    lines = [bad.line() for bad in mistakes]
    for path in fleets:
        lines += [f"{path.name}: {line}" for line in check_sql(found, path)]
    for line in lines:
        print(line)
    if mistakes:
        raise ConfigError(f"{len(mistakes)} mistakes in the cases")
    if not found:
        raise ConfigError(f"no case.yaml below {folder}", next_step="name the folder of the cases with --cases")
