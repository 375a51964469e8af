"""`llo11ypop eval`: ask the suite's questions and say how many answers are right, and which agent was wrong."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from llo11ypop.core.errors import ConfigError

app = typer.Typer(add_completion=False)


@app.command("eval")
def evaluate(
    cases: Annotated[Path, typer.Option(help="Folder of case folders.")] = Path("tests/evals"),
    check: Annotated[bool, typer.Option("--check", help="Only read the cases, and say what is wrong with them.")] = False,
) -> None:
    """Run the suite over simulated fleets; exit 1 where it has nothing to run or could not run."""
    if check:
        _check(cases)
        return
    raise ConfigError("nothing to run yet", next_step="use --check")


def _check(folder: Path) -> None:
    from llo11ypop.evals.suite.case import Case
    from llo11ypop.evals.suite.loading import read_cases

    found, mistakes = read_cases(folder)
    levels = Counter(c.level if isinstance(c, Case) else "component" for c in found)
    for level, count in levels.items():
        print(f"{level:<14}{count:>5}")
    print(f"{'all':<14}{len(found):>5}")
    for bad in mistakes:
        print(bad.line())
    if mistakes:
        raise ConfigError(f"{len(mistakes)} mistakes in the cases")
    if not found:
        raise ConfigError(f"no case.yaml below {folder}", next_step="name the folder of the cases with --cases")
