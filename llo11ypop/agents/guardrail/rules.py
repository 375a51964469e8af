"""The guardrail's configuration: patterns, orders, word lists and the line that each refusal says. Read from `guard.yaml`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from llo11ypop.core.errors import ConfigError
from llo11ypop.core.located import load_located, validate

FILE_NAME = "guard.yaml"


class Reason(StrEnum):
    """Why a question was declined, or that it was not."""

    ALLOWED = "allowed"
    OFF_TOPIC = "off_topic"
    DESTRUCTIVE = "destructive"
    """It asks for a change; only an approved action makes one."""
    OTHER_TENANT = "other_tenant"
    """Another tenant's data, or what names are kept from the reader."""
    GROUND_TRUTH = "ground_truth"
    PROMPT = "prompt"
    """Prompts, rules or credentials."""
    INSTRUCTION = "instruction"
    """An instruction to the system, not a question: typed, or planted in text that was pasted."""
    ROLE_PLAY = "role_play"
    RAW_QUERY = "raw_query"
    TOO_LONG = "too_long"
    EMPTY = "empty"


class Part(BaseModel):
    """Base of all parts of the file: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(Part):
    """Patterns that share a reason."""

    reason: Reason
    patterns: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _compiles(self) -> "Rule":
        for pattern in self.patterns:
            try:
                re.compile(pattern)
            except re.error as bad:
                raise ValueError(f"pattern '{pattern}' is no regular expression: {bad}") from bad
        return self


class OrderGroup(Part):
    """Verbs that change something, and what they change."""

    verbs: tuple[str, ...]
    objects: tuple[str, ...]


class Orders(Part):
    """How an order is told from a question."""

    polite: tuple[str, ...]
    questions: tuple[str, ...]
    mild: tuple[str, ...]
    """Verbs that are also said of an answer: 'drop the filter', 'reset the window'."""
    about_the_answer: str
    """What such an 'order' about the conversation itself speaks of: 'drop the filter'."""
    groups: tuple[OrderGroup, ...]
    determiners: tuple[str, ...]


class GuardFile(Part):
    """The whole file."""

    longest: int = Field(gt=0)
    lines: Mapping[Reason, str]
    rules: tuple[Rule, ...]
    orders: Orders
    topics: frozenset[str]
    neutral: frozenset[str]
    weak: frozenset[str]
    fleet: frozenset[str]
    talk: frozenset[str]

    @model_validator(mode="after")
    def _speaks(self) -> "GuardFile":
        silent = set(Reason) - {Reason.ALLOWED} - set(self.lines)
        if silent:
            raise ValueError(f"'lines' lacks {', '.join(sorted(silent))}")
        return self


@dataclass(frozen=True, slots=True)
class Guard:
    """The file with its patterns compiled, in the order they are tried."""

    file: GuardFile
    rules: tuple[tuple[Reason, re.Pattern[str]], ...]
    about_the_answer: re.Pattern[str]

    def line(self, reason: Reason) -> str:
        """The one line a refusal says; empty when nothing was refused."""
        return self.file.lines.get(reason, "").format(longest=self.file.longest)


@cache
def load_guard(config_dir: Path) -> Guard:
    """Read `guard.yaml`. Raises ConfigError with file and line, also where the file is missing."""
    path = config_dir / FILE_NAME
    if not path.is_file():
        raise ConfigError(f"no {path}", next_step="the guardrail needs it; copy it from the program's own configuration")
    file = validate(GuardFile, load_located(path.read_text(encoding="utf-8"), str(path)))
    rules = tuple((rule.reason, re.compile(pattern)) for rule in file.rules for pattern in rule.patterns)
    return Guard(file, rules, re.compile(file.orders.about_the_answer))
