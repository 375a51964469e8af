"""The fleets that cases are asked of: simulated per seed, and kept in a folder under a name that changes with what makes them."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from llo11ypop.core.ids import content_hash
from llo11ypop.evals.fleet_score import read_meta, simulate_fleet
from llo11ypop.evals.suite.case import SCENARIO
from llo11ypop.evals.suite.loading import scenario_path
from llo11ypop.evals.suite.sharing import shared
from llo11ypop.simulator.truth import truth_path

FOLDER = Path(".llo11ypop/fleets")
SMALL_GPUS = 64
SMALL_DAYS = 10.0
SCENARIO_GPUS = 128
SCENARIO_DAYS = 4.0
Progress = Callable[[str], None]
"""Told a line now and then; a module's function, where work is shared among processes."""


@dataclass(frozen=True, slots=True)
class FleetFile:
    """One fleet that cases can be asked of."""

    path: Path
    kinds: frozenset[str]
    """The kinds of case it serves."""
    label: str


@dataclass(frozen=True, slots=True)
class Making:
    """A fleet that is to be made."""

    path: Path
    label: str
    seed: int
    gpus: int
    days: float
    profile: str
    scenario: Path | None
    progress: Progress | None


def simulated(
    kinds: Iterable[str], seeds: Iterable[int], *, gpus: int, days: float, folder: Path = FOLDER, cases: Path | None = None,
    progress: Progress | None = None, jobs: int = 1,
) -> list[FleetFile]:  # fmt: skip
    """A fleet of each kind for each seed, made where the folder does not hold it yet; scenarios are read below `cases`.

    `jobs`: how many are made at once, each in a process of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = sorted(set(kinds))
    made = {
        (kind, seed): _making(kind, seed, (gpus, days), folder, cases or Path(), progress) for seed in seeds for kind in wanted
    }
    shared(_make, [m for m in made.values() if not m.path.exists()], jobs)
    return [FleetFile(m.path, frozenset({kind}), m.label) for (kind, _), m in made.items()]


def _making(kind: str, seed: int, wanted: tuple[int, float], folder: Path, cases: Path, progress: Progress | None) -> Making:
    size, length = wanted
    if kind == "small":
        size, length = SMALL_GPUS, min(length, SMALL_DAYS)
    scenario = scenario_path(cases, kind) if kind.startswith(SCENARIO) else None
    name = profile = "default" if kind == "default" else "full"
    if scenario is not None:
        size, length = SCENARIO_GPUS, SCENARIO_DAYS
        name = f"{scenario.stem}-{content_hash(scenario.read_text(encoding='utf-8'))[:6]}"
    path = folder / f"{name}-{size}x{length:g}-seed{seed}-{makers()}.duckdb"
    return Making(path, f"{kind} seed {seed}", seed, size, length, profile, scenario, progress)


def _make(making: Making) -> None:
    if making.progress is not None:
        making.progress(f"{making.label}: simulating {making.gpus} GPUs × {making.days:g} days")
    path = making.path
    draft = path.with_name(f".{os.getpid()}-{path.name}")
    simulate_fleet(
        draft, seed=making.seed, gpus=making.gpus, days=making.days, profile=making.profile, quiet=False,
        scenario=making.scenario,
    )  # fmt: skip
    if truth_path(draft).exists():
        truth_path(draft).replace(truth_path(path))
    draft.replace(path)


def given(paths: Iterable[Path]) -> list[FleetFile]:
    """Fleet files of one's own: one with the full profile also serves the cases of small fleets. Raises StoreError."""
    files = []
    for path in paths:
        kinds = frozenset({"default"}) if read_meta(path).profile == "default" else frozenset({"full", "small"})
        files.append(FleetFile(path, kinds, path.stem))
    return files


@cache
def makers() -> str:
    """Twelve hex digits over everything that makes a fleet: the simulator's code and the catalog's columns."""
    import llo11ypop.simulator
    from llo11ypop.catalog import load_catalog
    from llo11ypop.settings import packaged_config

    code = sorted(Path(llo11ypop.simulator.__file__).parent.rglob("*.py"))
    tables = load_catalog(packaged_config()).datasets
    columns = {name: {f: (s.type, s.exported) for f, s in table.fields.items()} for name, table in tables.items()}
    return content_hash({f.name: f.read_text(encoding="utf-8") for f in code}, columns)[:12]
