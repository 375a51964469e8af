"""The data card of an export: what is in it, where it comes from, what was taken out, and what it does not show.

Fields as in Hugging Face's dataset cards (huggingface.co/docs/hub/datasets-cards), so that the folder can be used as it is.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from llo11ypop.core.window import iso

_TASKS = {
    "sft": "supervised fine-tuning: answers that were good",
    "dpo": "preferences: the better and the worse of two answers to one prompt",
    "kto": "unpaired preferences: answers that were good or not",
}


@dataclass(frozen=True, slots=True)
class FileCount:
    """One split."""

    name: str
    lines: int
    groups: int
    """Questions and incidents."""
    first_at: datetime | None
    last_at: datetime | None
    good: int | None
    """Lines with a label that says good; None without labels."""
    sha256: str
    by_role: dict[str, int]
    versions: tuple[str, ...]
    """Of prompts and policies, by role."""
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """What is said about an export."""

    form: str
    made_at: datetime
    files: tuple[FileCount, ...]
    removed: dict[str, int]
    left_out: dict[str, int]
    people: str
    """How names of people were found."""

    @property
    def lines(self) -> int:
        """Of all splits."""
        return sum(f.lines for f in self.files)

    def manifest(self) -> dict[str, Any]:
        """The card as plain JSON."""
        raw = asdict(self)
        raw["made_at"] = iso(self.made_at)
        for one in raw["files"]:
            for name in ("first_at", "last_at"):
                one[name] = iso(one[name]) if one[name] else None
        return {"schema_version": 1, **raw}


def card_text(card: Card) -> str:
    """The card as Markdown, with the front matter that Hugging Face reads."""
    paths = "\n".join(f"      - split: {f.name.removesuffix('.jsonl')}\n        path: {f.name}" for f in card.files if f.lines)
    files = "\n".join(_row(f) for f in card.files)
    return f"""---
pretty_name: LLo11yPop {card.form}
tags: [trl, {card.form}, gpu, observability]
configs:
  - config_name: default
    data_files:
{paths}
---
# Feedback of a GPU fleet's agents, for {_TASKS[card.form]}

Made {iso(card.made_at)} by `llo11ypop feedback export --format {card.form}`.

| file | lines | questions and incidents | from | to | good |
|---|---|---|---|---|---|
{files}

By agent: {_counts(_sum(f.by_role for f in card.files))}.
Prompts and policies: {", ".join(sorted({v for f in card.files for v in f.versions})) or "none"}.
Models that gave the answers: {", ".join(sorted({m for f in card.files for m in f.models})) or "none"}.

## How it came about

Model calls are answers that an agent's model gave. One is good when the agent took it after its own checks (a plan that can be
run and agrees with the question, claims that evidence holds), and bad when it was refused or its form was wrong; where something
else stood in its place, that is the better of two. Verdicts are what people said about proposals: an approval or an edit is good,
a rejection for the action's sake is bad.

Splits are by time, and all lines of one question or incident are in one split. Doubles are left out.
Left out: {_counts(card.left_out)}.

## Privacy

Taken out by patterns: {_counts(card.removed)}. {card.people}
A person's name becomes the same stand-in everywhere in this export. What people typed in comments is not in it. Free text (log
lines, job names, questions) may name people or things in ways that no pattern knows: read a sample before it leaves your site.

## What it does not show

What was judged is what was shown: the data is of the policies and prompts above, and repeats their habits. Checks accept answers
that are well-formed and grounded, which is not the same as the best one. Few people judge a fleet's proposals: do not take their
verdicts for those of a crowd.
"""


def _row(one: FileCount) -> str:
    first, last = (f"{at:%Y-%m-%d}" if at else "" for at in (one.first_at, one.last_at))
    good = "" if one.good is None else f"{one.good}"
    return f"| {one.name} | {one.lines} | {one.groups} | {first} | {last} | {good} |"


def _sum(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in counts:
        for name, n in one.items():
            total[name] = total.get(name, 0) + n
    return total


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in sorted(counts.items())) or "nothing"
