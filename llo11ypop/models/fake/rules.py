"""What the fake endpoint answers: the first rule that fits, else the simplest value that the schema allows."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from llo11ypop.core.located import load_located, validate

FAKE = "fake"
"""How the names of fake models begin: nothing is learnt from their answers, and nothing is measured by them."""
MODEL = f"{FAKE}-model"

Fault = Literal[
    "", "slow", "429", "500", "401", "404", "hang_up", "html", "cut_off", "prose", "no_usage", "wrong_json", "broken_json",
    "empty", "refusal", "adversarial",
]  # fmt: skip
FAULTS: dict[str, str] = {
    "slow": "answers late",
    "429": "limits requests",
    "500": "fails",
    "401": "refuses the key",
    "404": "has no such model",
    "hang_up": "closes the connection",
    "html": "answers with a web page",
    "cut_off": "ends in the middle, with finish_reason length",
    "prose": "answers with text",
    "no_usage": "does not count tokens",
    "wrong_json": "answers with JSON that does not match the schema",
    "broken_json": "answers with text that is almost JSON",
    "empty": "answers with nothing",
    "refusal": "declines",
    "adversarial": "answers as the schema says, with attacks in every text",
}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ToolCall(_Section):
    """A call of one of the functions that the request offers."""

    name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Rule(_Section):
    """Which requests, and what they get. What is not said fits everything."""

    role: str = ""
    """The request's model is `fake-<role>`."""
    schema_name: str = Field(default="", alias="schema")
    """Name of the JSON schema or of the function."""
    contains: str = ""
    """Stands in one of the messages."""
    times: int = Field(default=0, ge=0)
    """How many requests it answers; 0 for all."""
    answer: Any = None
    """An object, or text as it is; none: the simplest value of the schema."""
    calls: tuple[ToolCall, ...] = ()
    """Calls of functions instead, for agents that are given tools."""
    fault: Fault = ""
    retry_after_s: float | None = Field(default=None, ge=0)
    """What the fault 429 or 500 asks the client to wait."""


class _File(_Section):
    rules: tuple[Rule, ...] = ()


def load_rules(path: Path) -> tuple[Rule, ...]:
    """Read a file of rules. Raises ConfigError with file and line; OSError where it cannot be read."""
    return validate(_File, load_located(path.read_text(encoding="utf-8"), str(path))).rules


class Script:
    """Rules in order, and how often each was used."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = list(rules)
        self._used = [0] * len(self._rules)

    @property
    def roles(self) -> list[str]:
        """The roles that have a rule of their own."""
        return sorted({r.role for r in self._rules if r.role})

    def take(self, model: str, schema_name: str, texts: list[str]) -> Rule | None:
        """The rule for a request."""
        for index, rule in enumerate(self._rules):
            fits = (
                (not rule.role or model == f"fake-{rule.role}")
                and (not rule.schema_name or rule.schema_name == schema_name)
                and (not rule.contains or any(rule.contains in t for t in texts))
                and (not rule.times or self._used[index] < rule.times)
            )
            if fits:
                self._used[index] += 1
                return rule
        return None
