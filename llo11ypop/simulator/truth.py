"""What was really injected: one record per incident or decoy, kept beside the fleet and never inside it.

Only the simulator, the scoring and the command line may read it; an agent that could would not be measured.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from llo11ypop.core.clock import parse_instant
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.window import iso

DCGM_OPT_IN = frozenset(
    {
        "clock_event_reasons", "thermal_violation_ns_total", "power_violation_ns_total", "ecc_sbe_volatile_total",
        "ecc_dbe_volatile_total", "remap_pending", "pcie_link_width", "pcie_link_gen", "nvlink_crc_error_total",
        "nvlink_replay_error_total", "nvlink_recovery_error_total", "sm_active_ratio", "temp_margin_c",
        "recovery_action",
    }
)  # fmt: skip
"""Columns of gpu_metrics that dcgm-exporter's default counters file comments out (dcgm-exporter d5e5f51)."""

OPT_IN_TABLES = frozenset({"nvlink_metrics"})
"""Datasets that a default exporter does not deliver at all."""


def is_opt_in(table: str, column: str) -> bool:
    """Whether a default exporter leaves this column (or its whole dataset) out."""
    return table in OPT_IN_TABLES or (table.startswith("gpu_metrics") and column in DCGM_OPT_IN)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place where the incident shows: a column, the rows, the window. `decisive` = enough to name the mode."""

    table: str
    field: str
    where: str
    start_at: datetime
    end_at: datetime
    decisive: bool = True
    opt_in: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    """One injected incident (`F*`, `C*`) or decoy (`D*`). Times are aware UTC, the span `[start_at, end_at)`.

    `first_observable` maps a table to the first moment a row shows the fault there; empty means that no table
    ever does. `reopened_at` are failures of the same kind on the same entity within a day of the repair: they
    belong to this incident. `related_id` names earlier work that caused it; `parent_id` a cascade's parent, whose
    ticket covers this one. `acceptable_entities` are other `level:id` texts a ticket may rightly name.
    """

    incident_id: str
    mode: str
    start_at: datetime
    end_at: datetime
    first_observable: dict[str, datetime]
    entity_level: str
    entity_id: str
    entities: dict[str, tuple[str, ...]]
    expected_ticket: bool
    queue: str
    severity_min: str
    expected_action: str
    acceptable_actions: tuple[str, ...]
    forbidden_actions: tuple[str, ...]
    acceptable_causes: tuple[str, ...]
    dedupe_key: str
    evidence: tuple[Evidence, ...]
    root_cause_text: str
    parent_id: str = ""
    related_id: str = ""
    cascade: str = ""
    planned: bool = False
    repair_part: str = ""
    repaired_at: datetime | None = None
    acceleration: float = 1.0
    seed: int = 0
    acceptable_entities: tuple[str, ...] = ()
    reopened_at: tuple[datetime, ...] = field(default=())

    @property
    def entity(self) -> str:
        """`level:id`, as tickets and scenarios write it."""
        return f"{self.entity_level}:{self.entity_id}"

    @property
    def first_seen_at(self) -> datetime | None:
        """The first moment any table shows it; None when nothing ever does."""
        return min(self.first_observable.values(), default=None)

    @property
    def is_decoy(self) -> bool:
        """Whether it only looks like an incident."""
        return self.mode.startswith("D")

    def exported_evidence(self, profile: str) -> bool:
        """Whether at least one decisive signature remains under an exporter profile (`full` or `default`)."""
        return any(e.decisive and (profile == "full" or not e.opt_in) for e in self.evidence)

    def as_json(self) -> str:
        """One line of JSON, keys sorted, times ISO 8601 UTC."""
        return json.dumps(asdict(self), default=_plain, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> "Truth":
        """Read `as_json` back. Raises ValueError, KeyError or TypeError when the line is something else."""
        raw: dict[str, Any] = json.loads(line)
        raw["evidence"] = tuple(
            Evidence(**{**e, "start_at": parse_instant(e["start_at"]), "end_at": parse_instant(e["end_at"])})
            for e in raw["evidence"]
        )
        raw["first_observable"] = {k: parse_instant(v) for k, v in raw["first_observable"].items()}
        raw["entities"] = {k: tuple(v) for k, v in raw["entities"].items()}
        for name in ("start_at", "end_at", "repaired_at"):
            raw[name] = parse_instant(raw[name]) if raw[name] else None
        raw["reopened_at"] = tuple(parse_instant(v) for v in raw["reopened_at"])
        for name in ("acceptable_actions", "forbidden_actions", "acceptable_causes", "acceptable_entities"):
            raw[name] = tuple(raw[name])
        return cls(**raw)


def truth_path(fleet: Path) -> Path:
    """Where the truth of a fleet file lies: `<fleet>.truth.jsonl`."""
    return fleet.with_name(fleet.name + ".truth.jsonl")


def write_truth(path: Path, truths: Iterable[Truth]) -> None:
    """Write one line per record, in the order given. An empty list gives an empty file."""
    path.write_text("".join(t.as_json() + "\n" for t in truths), encoding="utf-8")


def read_truth(path: Path) -> Sequence[Truth]:
    """Every record of a file, in order. Raises ConfigError with the line that is wrong; a retry does not help."""
    out: list[Truth] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", next_step="run simulate first") from error
    for number, line in enumerate(lines, 1):
        try:
            out.append(Truth.from_json(line))
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path}:{number}: not a truth record: {error}") from error
    return out


def _plain(value: object) -> str:
    """Times as ISO UTC; everything else as text."""
    return iso(value) if isinstance(value, datetime) else str(value)
