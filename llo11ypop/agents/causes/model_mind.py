"""The model mind of causes: which of the modes that match a place is the likeliest, and which slow signals to read again first.

It is shown modes and signals by the names that playbooks give them, with numbers and ages: no name and no text of telemetry. Its
answer is one of the modes it was shown or `unknown`, and signals of those playbooks; nothing else fits the form.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llo11ypop.core.reasoning import Finding, SignalHit
from llo11ypop.models.port import Model, Request, Role
from llo11ypop.models.prompting import data_block, with_data_rule
from llo11ypop.playbooks import Playbook

PROMPT = Path(__file__).with_suffix(".md")
UNKNOWN = "unknown"
HITS_SHOWN = 2
"""Of one signal; a merged rack has dozens that say the same (our choice)."""
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|\+00:00)?")


@dataclass(frozen=True, slots=True)
class Weighed:
    """The answer: one label of a candidate or `unknown`, and keys of signals."""

    likeliest: str
    further: tuple[str, ...] = ()
    call_id: str = ""
    """Of the record of the call; empty where none was made."""


async def weigh(
    models: Model,
    candidates: Mapping[str, Finding],
    book: Mapping[str, Playbook],
    older: Mapping[str, datetime],
    at: datetime,
    refs: tuple[str, ...] = (),
) -> Weighed:
    """Which candidate is the likeliest. `older` are signals of theirs and when they were read last. Raises Refused."""
    prompt = with_data_rule(PROMPT)
    request = Request(
        role=Role.CAUSES,
        name="causes_weighed",
        prompt_hash=prompt.hash,
        system=prompt.text,
        user=data_block("candidates", shown(candidates, book, older, at)),
        schema=schema(list(candidates), list(older)),
        refs=refs,
    )
    reply = await models.ask(request)
    return Weighed(reply.value["likeliest"], tuple(dict.fromkeys(reply.value["further"])), reply.call_id)


def schema(labels: Sequence[str], older: Sequence[str]) -> dict[str, Any]:
    """The form of an answer: nothing but what was shown can be named."""
    keys = {"type": "string", "enum": [*older]} if older else {"type": "string"}
    further = {"type": "array", "items": keys, "maxItems": len(older)}
    return {
        "type": "object",
        "properties": {"likeliest": {"type": "string", "enum": [*labels, UNKNOWN]}, "further": further},
        "required": ["likeliest", "further"],
        "additionalProperties": False,
    }


def shown(candidates: Mapping[str, Finding], book: Mapping[str, Playbook], older: Mapping[str, datetime], at: datetime) -> str:
    """The candidates as lines of names from the playbooks and of figures."""
    first = next(iter(candidates.values()))
    lines = [f"On one {first.entity.level}, since {_age(min(c.since for c in candidates.values()), at)}:"]
    lines += [_candidate(label, finding, book[finding.playbook], at) for label, finding in candidates.items()]
    lines += [f"Older: {key}, read {_age(read_at, at)} ago" for key, read_at in older.items()]
    return "\n".join(lines)


def _candidate(label: str, finding: Finding, playbook: Playbook, at: datetime) -> str:
    fired: dict[str, list[SignalHit]] = {}
    for hit in finding.hits:
        fired.setdefault(hit.signal, []).append(hit)
    told = [f"{name} ({'; '.join(_figures(h.row, at) for h in hits[:HITS_SHOWN])})" for name, hits in fired.items()]
    silent = [name for _, name in playbook.match.names() if name not in fired]
    text = f"{label}: {playbook.title}, on a {finding.entity.level}, strength {finding.strength:.2f}. Fired: {', '.join(told)}."
    return text + (f" Did not fire: {', '.join(dict.fromkeys(silent))}." if silent else "")


def _figures(row: Mapping[str, Any], at: datetime) -> str:
    """Numbers and ages of a row; texts are left out, whatever they say."""
    parts = []
    for name, value in row.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            parts.append(f"{name} {value:.4g}")
        elif (instant := _instant(value)) is not None:
            parts.append(f"{name} {_age(instant, at)} ago")
    return ", ".join(parts)


def _instant(value: Any) -> datetime | None:
    """An instant as a row has it, or as the state of the cycle writes it."""
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _age(since: datetime, at: datetime) -> str:
    minutes = (at - since).total_seconds() / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"  # noqa: PLR2004 - two hours
