"""Scenario files: what shall go wrong, where and when, written by hand instead of drawn.

A file is a list of entries such as `{mode: F16, entity: "node:gpu-a-003", start: "+36h", duration: "6h", strength: 0.7}`
or `{mode: C1, entity: any, start: "2026-05-03T08:00:00Z"}`. The entity is of a level that
the mode strikes (`incidents/levels.py`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from llo11ypop.core.clock import parse_instant
from llo11ypop.core.entity import Entity
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.located import Located, load_located, validate
from llo11ypop.core.window import parse_duration
from llo11ypop.simulator.incidents.levels import misplaced

MODES = frozenset({*(f"F{i}" for i in range(1, 39)), *(f"D{i}" for i in range(1, 19)), *(f"C{i}" for i in range(1, 11))})
_ANY = "any"


@dataclass(frozen=True, slots=True)
class Planned:
    """One entry of a scenario, in the world's seconds.

    `entity` is `level:id` (a GPU also `gpu:<node>/<slot>`) or empty for any; `duration_s` 0 is the mode's own;
    `where` is `file:line`.
    """

    mode: str
    entity: str
    start_s: float
    duration_s: float
    strength: float | None
    where: str

    def impossible(self, why: str) -> ConfigError:
        """The error to raise when this line cannot be played on the fleet at hand."""
        return ConfigError(f"{self.where}: {why}", next_step="choose another entity or start")


class ScenarioLine(BaseModel):
    """The fields of one entry as written."""

    model_config = ConfigDict(extra="forbid")

    mode: str
    entity: str = _ANY
    start: str
    duration: str = ""
    strength: float | None = Field(default=None, ge=0, le=1)

    @field_validator("mode")
    @classmethod
    def _known(cls, mode: str) -> str:
        if mode not in MODES:
            raise ValueError(f"no mode named '{mode}'; write F1 to F38, D1 to D18 or C1 to C10")
        return mode

    @field_validator("entity")
    @classmethod
    def _entity(cls, text: str) -> str:
        return text if text == _ANY else str(Entity.parse(text))

    @field_validator("duration")
    @classmethod
    def _duration(cls, text: str) -> str:
        if text:
            parse_duration(text)
        return text

    @field_validator("start")
    @classmethod
    def _start(cls, text: str) -> str:
        if text.startswith("+"):
            parse_duration(text[1:])
        elif not re.match(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError(f"'{text}' is neither +36h nor an ISO instant")
        else:
            parse_instant(text)
        return text


def read_scenario(path: Path, start_at: datetime) -> Sequence[Planned]:
    """Read a scenario file. Raises ConfigError with `file:line:`; a retry does not help."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_scenario(text, str(path), start_at)


def parse_scenario(text: str, source: str, start_at: datetime) -> Sequence[Planned]:
    """Read the text of a scenario; starts given as instants are relative to the fleet's start. An empty list is none."""
    located = load_located(text, source)
    if located.value is None:
        return []
    if not isinstance(located.value, list):
        raise located.error("expected a list of incidents, each with mode, entity and start")
    return [_planned(located.at(i), located.line_of((i,)), source, start_at) for i in range(len(located.value))]


def _planned(entry: Located, line: int, source: str, start_at: datetime) -> Planned:
    """One validated entry in the world's seconds."""
    fields = validate(ScenarioLine, entry)
    if fields.start.startswith("+"):
        start = parse_duration(fields.start[1:]).total_seconds()
    else:
        start = (parse_instant(fields.start) - start_at).total_seconds()
    if start < 0:
        raise entry.error(f"start: {fields.start} lies before the fleet begins", ("start",))
    length = parse_duration(fields.duration).total_seconds() if fields.duration else 0.0
    entity = "" if fields.entity == _ANY else fields.entity
    if entity and (wrong := misplaced(fields.mode, entity.partition(":")[0])):
        raise entry.error(f"entity: {wrong}", ("entity",))
    return Planned(fields.mode, entity, start, length, fields.strength, f"{source}:{line}")
