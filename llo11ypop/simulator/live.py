"""A fleet that goes on: worlds generated ahead in chapters, whose rows are released as time passes.

A chapter is a world of some days that begins where the file or the chapter before it ended. Its rows are appended
when their time has come, so that an incident can still be painted on everything that was not yet released.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Dataset, Kind
from llo11ypop.core.errors import ConfigError, StoreError
from llo11ypop.core.window import iso
from llo11ypop.simulator.building import build_shape
from llo11ypop.simulator.shape import FleetShape
from llo11ypop.simulator.simulate import build_background, finish, seeded
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.tables import exported_fields
from llo11ypop.simulator.truth import Truth, truth_path
from llo11ypop.simulator.world import World
from llo11ypop.simulator.writer import create_tables, insert, packaged_catalog, write_fleet

CHAPTER_DAYS = 2.0
_FIXED = frozenset({"supply_chain", "technician_shifts"})
"""Written once with the history, weeks ahead."""


@dataclass(frozen=True, slots=True)
class Break:
    """An incident somebody asked for, in seconds since the chapter's start."""

    mode: str
    entity: str
    at_s: float
    strength: float


class LiveFleet:
    """Appends a fleet's telemetry to a DuckDB connection as time passes.

    `spec` is that of the file; chapters carry its seed on. Not thread-safe: one task advances it. A chapter is
    generated when it is first needed and again for every `inject`, from the same seed, which moves nothing that
    was already released except where the new incident is.
    """

    def __init__(
        self,
        spec: SimulationSpec,
        *,
        begin_at: datetime | None = None,
        chapter_days: float = CHAPTER_DAYS,
        catalog: Catalog | None = None,
    ) -> None:
        self.spec = spec
        self.catalog = catalog or packaged_catalog()
        self.chapter_days = chapter_days
        self.released_at = begin_at or spec.start_at + timedelta(days=spec.days)
        self.truths: list[Truth] = []
        self._shape: FleetShape = build_shape(spec.gpus, seeded(spec.seed, "shape"))
        self._start_at = self.released_at
        self._world: World | None = None
        self._breaks: list[Break] = []
        self._own: list[Truth] = []
        self._carry: dict[tuple[str, str], NDArray[Any]] = {}

    def advance(self, to_at: datetime, connection: duckdb.DuckDBPyConnection) -> int:
        """Append all rows with released_at <= time < to_at in one transaction; returns how many.

        Going back or standing still appends nothing. Raises duckdb errors as they are; nothing is half-appended
        then and the same call may be tried again.
        """
        count = 0
        while self.released_at < to_at:
            end_at = self._start_at + timedelta(days=self.chapter_days)
            if self.released_at >= end_at:
                self._turn()
                continue
            until = min(to_at, end_at)
            count += self._release(until, connection)
            self.released_at = until
        return count

    def inject(self, mode: str, entity: str | None = None, strength: float | None = None) -> Truth:
        """Let a mode (F1-F38) begin now, on `level:id` or a drawn entity; returns its truth.

        Raises ConfigError for an unknown mode or entity. Rows released before now stay as they are.
        """
        from llo11ypop.simulator.incidents.registry import WRITERS

        if mode not in WRITERS:
            raise ConfigError(f"no failure mode named '{mode}'", next_step="write F1 to F38")
        at_s = (self.released_at - self._start_at).total_seconds() + 60.0
        target = entity or drawn_entity(self._shape, mode, seeded(self.spec.seed, "break", mode, at_s))
        self._breaks.append(Break(mode, self._level_of(target, mode), at_s, 0.6 if strength is None else strength))
        try:
            self._generate()
        except (KeyError, ValueError) as bad:
            self._breaks.pop()
            self._generate()
            raise ConfigError(
                f"{mode} cannot be injected at '{target}': {bad}", next_step="write level:id, for example node:gpu-a-003"
            ) from bad
        return self._own[-1]

    def _level_of(self, entity: str, mode: str) -> str:
        """`level:id`; a bare id is looked up in the fleet, and narrowed to what the mode strikes."""
        from llo11ypop.simulator.incidents.kinds import KINDS

        index = self._shape.index
        known: dict[str, Mapping[str, object]] = {
            "node": index.node,
            "gpu": index.gpu,
            "port": index.port,
            "switch": index.switch,
            "rack": index.rack,
            "row": index.row,
            "cluster": index.cluster,
        }
        if entity.partition(":")[0] in known and ":" in entity:
            level, _, name = entity.partition(":")
        else:
            level, name = next(((kind, entity) for kind, ids in known.items() if entity in ids), ("", entity))
        if not level:
            return entity
        wanted = KINDS[mode].level if mode in KINDS else level
        if level == "node" and wanted == "gpu":
            return f"gpu:{self._shape.node(name).gpus[0]}"
        if level == "node" and wanted == "port":
            return f"port:{name}/mlx5_0"
        return f"{level}:{name}"

    def _turn(self) -> None:
        """Begin the next chapter where this one ends, with the counters where they stood."""
        if self._world is not None:
            self._carry = _last_values(self._world, self.catalog)
        self._start_at = self.released_at
        self._world, self._breaks, self._own = None, [], []

    def _generate(self) -> None:
        """Build the chapter's world with its incidents and close its books."""
        from llo11ypop.simulator.incidents.schedule import populate

        minutes = max(1, round((self._start_at - self.spec.start_at).total_seconds() / 60))
        spec = replace(self.spec, chapter=minutes, start_at=self._start_at, days=self.chapter_days, events_only=False)
        world = build_background(spec, self._shape)
        drawn = populate(world)
        self._own = [_strike(world, b) for b in self._breaks]
        _carry_on(world, self._carry)
        self._world = finish(world)
        self.truths = [t for t in self.truths if t.start_at < self._start_at] + drawn + self._own

    def _release(self, until: datetime, connection: duckdb.DuckDBPyConnection) -> int:
        """Append the chapter's rows of [released_at, until)."""
        if self._world is None:
            self._generate()
        world = self._world
        if world is None:
            raise StoreError("the live fleet has no chapter", next_step="report this")
        span = ((self.released_at - self._start_at).total_seconds(), (until - self._start_at).total_seconds())
        count = 0
        with _transaction(connection):
            for dataset in self._flowing():
                count += insert(connection, world, dataset, span)
            connection.execute("UPDATE fleet_meta SET value = ? WHERE key = 'end'", [iso(until)])
        return count

    def _flowing(self) -> Iterable[Dataset]:
        """Datasets that get rows as time passes: all but dimensions and what is planned weeks ahead."""
        for name, dataset in sorted(self.catalog.datasets.items()):
            if name not in _FIXED and dataset.kind is not Kind.DIMENSION and exported_fields(dataset, self.spec.profile):
                yield self.catalog.datasets[name]


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Keep all that is written in here, or nothing when it is left by an exception."""
    connection.begin()
    with ExitStack() as undo:
        undo.callback(connection.rollback)
        yield
        connection.commit()
        undo.pop_all()


def drawn_entity(shape: FleetShape, mode: str, rng: np.random.Generator) -> str:
    """An entity of the level the mode strikes."""
    from llo11ypop.simulator.incidents.kinds import KINDS

    node = shape.nodes[int(rng.integers(len(shape.nodes)))]
    level = KINDS[mode].level if mode in KINDS else "node"
    own = {
        "gpu": node.gpus[int(rng.integers(8))], "node": node.node_id, "rack": node.rack, "row": node.row, "cluster": node.cluster,
        "switch": node.leaf_switch, "port": f"{node.node_id}/mlx5_{rng.integers(8)}", "mount": f"{node.cluster}//scratch",
        "partition": f"{node.cluster}/train", "driver": node.driver,
    }  # fmt: skip
    return f"{level}:{own[level]}" if level in own else f"node:{node.node_id}"


def _strike(world: World, ask: Break) -> Truth:
    """Write one asked-for incident on the chapter."""
    from llo11ypop.simulator.incidents.placement import Placement
    from llo11ypop.simulator.incidents.registry import WRITERS

    later: list[Callable[[], None]] = []
    rng = world.rng("break", ask.mode, ask.at_s)
    truth = WRITERS[ask.mode](world, Placement(ask.entity, ask.at_s, 6 * 3600.0, ask.strength, rng, later=later))
    for stroke in later:
        stroke()
    return truth


def _last_values(world: World, catalog: Catalog) -> dict[tuple[str, str], NDArray[Any]]:
    """Where every counter stood at the chapter's end."""
    out = {}
    for name, grid in world.grids.items():
        fields = catalog.datasets[name].fields
        for column, matrix in grid.columns.items():
            if column in fields and fields[column].counter and grid.steps:
                out[name, column] = np.nan_to_num(matrix[:, -1]).copy()
    return out


def _carry_on(world: World, carry: dict[tuple[str, str], NDArray[Any]]) -> None:
    """Let counters go on from where they stood instead of starting again."""
    for (name, column), last in carry.items():
        grid = world.grid(name)
        if grid is not None and len(last) == len(grid.entities):
            grid.columns[column] = (grid.columns[column] - grid.columns[column][:, :1] + last[:, None]).astype(
                grid.columns[column].dtype
            )


def last_counters(connection: duckdb.DuckDBPyConnection, world_shape: FleetShape) -> dict[tuple[str, str], NDArray[Any]]:
    """Counters of gpu_metrics at the end of a file, to go on from; GPUs without rows start at zero."""
    have = [
        r[0]
        for r in connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = 'gpu_metrics' AND NOT internal"
        ).fetchall()
    ]
    names = [c for c in have if c.endswith("_total")]
    picks = ", ".join(f'arg_max("{c}", ts)' for c in names)
    found = {row[0]: row[1:] for row in connection.execute(f"SELECT gpu_uuid, {picks} FROM gpu_metrics GROUP BY 1").fetchall()}  # noqa: S608
    blank = (0.0,) * len(names)
    rows = [found.get(g.gpu_uuid, blank) for g in world_shape.gpus]
    return {("gpu_metrics", c): np.array([float(r[i] or 0.0) for r in rows]) for i, c in enumerate(names)}


def open_live(path: Path, connection: duckdb.DuckDBPyConnection, *, chapter_days: float = CHAPTER_DAYS) -> LiveFleet:
    """A live fleet that goes on where a written file ends. Raises StoreError when the file is no simulated fleet."""
    try:
        meta = dict(connection.execute("SELECT key, value FROM fleet_meta").fetchall())
        start, end = datetime.fromisoformat(meta["start"]), datetime.fromisoformat(meta["end"])
        spec = SimulationSpec(
            seed=int(meta["seed"]), gpus=int(meta["gpus"]), days=max((end - start).total_seconds() / 86400.0, 1e-3),
            start_at=start.astimezone(UTC),
            profile=meta["profile"], acceleration=float(meta["acceleration"]),
        )  # fmt: skip
    except (KeyError, ValueError, duckdb.Error) as bad:
        raise StoreError(
            f"{path}: not a simulated fleet: {' '.join(str(bad).split())[:120]}", next_step="write one with llo11ypop simulate"
        ) from bad
    fleet = LiveFleet(spec, begin_at=end.astimezone(UTC), chapter_days=chapter_days)
    create_tables(connection, fleet.catalog, spec.profile)
    fleet._carry = last_counters(connection, fleet._shape)
    return fleet


def run_live(
    spec: SimulationSpec,
    out: Path,
    *,
    factor: float,
    breaks: list[str],
    hours: float,
    say: Callable[[str], None],
    pause_s: float = 1.0,
) -> None:
    """The `--live` command: write a day of history if there is no file, then append until stopped."""
    if factor <= 0:
        raise ConfigError("--acceleration-of-time must be above zero", next_step="60 means an hour per minute")
    if not out.exists():
        from llo11ypop.simulator.simulate import simulate

        world, truths = simulate(replace(spec, days=min(spec.days, 1.0)))
        write_fleet(world, out)
        truth_path(out).write_text("".join(t.as_json() + "\n" for t in truths), encoding="utf-8")
        say(f"{out}: one day of history written")
    with duckdb.connect(str(out)) as connection:
        fleet = open_live(out, connection)
        begin = fleet.released_at
        for text in breaks:
            mode, _, entity = text.partition("@")
            say(f"broken: {fleet.inject(mode, entity or None).root_cause_text}")
        clock = time.monotonic()
        try:
            while not hours or fleet.released_at < begin + timedelta(hours=hours):
                time.sleep(pause_s)
                to_at = begin + timedelta(seconds=(time.monotonic() - clock) * factor)
                to_at = min(to_at, begin + timedelta(hours=hours)) if hours else to_at
                count = fleet.advance(to_at, connection)
                _append_truth(out, fleet)
                say(f"{iso(fleet.released_at)}: {count:,} rows")
        except KeyboardInterrupt:
            say(f"stopped at {iso(fleet.released_at)}")


def _append_truth(out: Path, fleet: LiveFleet) -> None:
    """Add truths whose time has come to the file's truth, once each."""
    path = truth_path(out)
    known = path.read_text(encoding="utf-8") if path.exists() else ""
    fresh = [t for t in fleet.truths if t.start_at < fleet.released_at and f'"{t.incident_id}"' not in known]
    if fresh:
        path.write_text(known + "".join(t.as_json() + "\n" for t in fresh), encoding="utf-8")
