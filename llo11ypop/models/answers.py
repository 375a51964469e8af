"""Whether an answer is what was asked for: JSON, whole, an object, and as its schema says. Nothing is repaired silently."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llo11ypop.core.ids import canonical_json
from llo11ypop.models.port import Reason
from llo11ypop.models.wire import Answer

REPAIRABLE = frozenset({Reason.PROSE, Reason.EMPTY, Reason.SCHEMA})
"""Worth a second try with the error; an answer that was cut off would be cut off again."""
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"\A```(?:json)?\s*\n(.*?)\n?```\Z", re.DOTALL)
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an answer is not taken."""

    reason: Reason
    text: str


def read(answer: Answer, schema: Mapping[str, Any]) -> dict[str, Any] | Problem:
    """The object, or what is wrong with the answer."""
    if answer.refusal or answer.finish == "content_filter":
        return Problem(Reason.REFUSAL, f"the model declined: {answer.refusal[:_SHOWN] or 'content filter'}")
    if answer.finish == "length":
        return Problem(Reason.CUT_OFF, "the answer ended at its token limit")
    text = bare(answer.text)
    if not text:
        return Problem(Reason.EMPTY, "the answer is empty")
    if not text.startswith(("{", "[")):
        return Problem(Reason.PROSE, f"the answer is text and not JSON: {text[:_SHOWN]!r}")
    try:
        value = json.loads(text, parse_constant=_no_number)
        if not isinstance(value, dict):
            return Problem(Reason.SCHEMA, "the answer is not a JSON object")
        wrong = violation(value, schema) or _unprintable(value)
    except (ValueError, RecursionError) as bad:
        return Problem(Reason.SCHEMA, f"the answer is not JSON: {bad}")
    return Problem(Reason.SCHEMA, wrong) if wrong else value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _unprintable(value: Mapping[str, Any]) -> str:
    """Characters that no database and no file can hold: NUL, and halves of pairs."""
    text = json.dumps(value, ensure_ascii=False)
    return "the answer has characters that cannot be written" if "\\u0000" in text or text != printable(text) else ""


def printable(text: str) -> str:
    """The text without halves of UTF-16 pairs, which cannot be encoded."""
    return text.encode("utf-8", "replace").decode("utf-8")


def with_schema(user: str, schema: Mapping[str, Any]) -> str:
    """A question that says how to answer it, for servers that are not given the schema otherwise."""
    return f"{user}\n\nAnswer with one JSON object that matches this JSON Schema:\n{canonical_json(schema)}"


def bare(text: str) -> str:
    """The answer without a reasoning model's thoughts and without a Markdown fence around it."""
    stripped = _THOUGHTS.sub("", text).strip()
    fenced = _FENCE.match(stripped)
    return fenced[1].strip() if fenced else stripped


def violation(value: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The worst violation of the schema, with its place; empty when there is none."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    worst = best_match(Draft202012Validator(schema).iter_errors(value))
    if worst is None:
        return ""
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in worst.absolute_path).lstrip(".")
    message = worst.message if len(worst.message) <= 2 * _SHOWN else f"{worst.message[: 2 * _SHOWN]}…"
    return f"{place}: {message}" if place else message
