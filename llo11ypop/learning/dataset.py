"""Examples as files that TRL reads: cleaned, without doubles, split by time, with a card that says what they are.

Formats are TRL's conversational ones (huggingface.co/docs/trl/dataset_formats): `sft` prompt and completion, `dpo` prompt, chosen
and rejected, `kto` prompt, completion and label.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from llo11ypop.core.ids import content_hash
from llo11ypop.learning.card import Card, FileCount, card_text
from llo11ypop.learning.examples import Example, Gathered, Messages, Pair, Source
from llo11ypop.learning.privacy import Scrubber

Format = Literal["sft", "dpo", "kto"]
FORMATS: dict[str, str] = {
    "sft": "answers that were good: {prompt, completion}, for trl.SFTTrainer",
    "dpo": "the better and the worse of two answers: {prompt, chosen, rejected}, for trl.DPOTrainer",
    "kto": "answers that were good or not: {prompt, completion, label}, for trl.KTOTrainer",
}
SHARES = (("train", 0.8), ("validation", 0.1), ("test", 0.1))
"""Of the questions and incidents in order of time: what is tested came last."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file, and where it comes from."""

    row: dict[str, Any]
    source: Source


def export(gathered: Sequence[Gathered], form: Format, folder: Path, scrubber: Scrubber, at: datetime, *, people: str) -> Card:
    """Write the files of a data set; `people` says how names were found. Raises OSError."""
    left_out = Counter[str]()
    for one in gathered:
        left_out.update(one.left_out)
    examples = sorted((e for one in gathered for e in one.examples), key=lambda e: e.source.at)
    lines, spoilt, doubles = _lines(examples, form, scrubber)
    left_out.update({"examples that cleaning spoilt": spoilt, "doubles": doubles})
    folder.mkdir(parents=True, exist_ok=True)
    files = [_write(folder / f"{name}.jsonl", part) for name, part in split(lines).items()]
    card = Card(
        form=form,
        made_at=at,
        files=tuple(files),
        removed=dict(sorted(scrubber.removed.items())),
        left_out={k: n for k, n in sorted(left_out.items()) if n},
        people=people,
    )
    (folder / "README.md").write_text(card_text(card), encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps(card.manifest(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return card


def _lines(examples: Iterable[Example], form: Format, scrubber: Scrubber) -> tuple[list[Line], int, int]:
    """Lines, how many were JSON before they were cleaned and are not any more, and how many were there already."""
    lines, seen, spoilt, doubles = list[Line](), set[str](), 0, 0
    for example in examples:
        row = _row(example, form)
        if row is None:
            continue
        cleaned = _cleaned(row, scrubber)
        if _spoilt(row, cleaned):
            spoilt += 1
        elif (key := content_hash(cleaned)) in seen:
            doubles += 1
        else:
            seen.add(key)
            lines.append(Line(cleaned, example.source))
    return lines, spoilt, doubles


def _row(example: Example, form: Format) -> dict[str, Any] | None:
    if isinstance(example, Pair):
        if form != "dpo" or example.chosen == example.rejected:
            return None
        return {"prompt": _messages(example.prompt), "chosen": _said(example.chosen), "rejected": _said(example.rejected)}
    if form == "dpo" or (form == "sft" and not example.good):
        return None
    row = {"prompt": _messages(example.prompt), "completion": _said(example.completion)}
    return {**row, "label": example.good} if form == "kto" else row


def _messages(prompt: Messages) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in prompt]


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _cleaned(row: dict[str, Any], scrubber: Scrubber) -> dict[str, Any]:
    """The row with every text cleaned but our own prompt's."""
    return {name: value if isinstance(value, bool) else [_message(m, scrubber) for m in value] for name, value in row.items()}


def _message(message: dict[str, str], scrubber: Scrubber) -> dict[str, str]:
    text = message["content"]
    return {"role": message["role"], "content": text if message["role"] == "system" else scrubber.clean(text)}


def _spoilt(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return any(
        _is_json(before[name][0]["content"]) and not _is_json(after[name][0]["content"])
        for name in ("completion", "chosen", "rejected")
        if name in before
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def split(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """By the time at which a question or an incident was first seen; all that belongs to one stays together."""
    begun: dict[str, datetime] = {}
    for line in lines:
        begun[line.source.group] = min(line.source.at, begun.get(line.source.group, line.source.at))
    order = sorted(begun, key=lambda group: (begun[group], group))
    part_of: dict[str, str] = {}
    start = 0
    for index, (name, share) in enumerate(SHARES):
        end = len(order) if index == len(SHARES) - 1 else start + max(1, round(share * len(order)))
        part_of.update(dict.fromkeys(order[start:end], name))
        start = end
    return {name: [line for line in lines if part_of[line.source.group] == name] for name, _ in SHARES}


def _write(path: Path, lines: Sequence[Line]) -> FileCount:
    text = "".join(json.dumps(line.row, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    labels = [line.row["label"] for line in lines if "label" in line.row]
    sources = [line.source for line in lines]
    return FileCount(
        name=path.name,
        lines=len(lines),
        groups=len({s.group for s in sources}),
        first_at=min((s.at for s in sources), default=None),
        last_at=max((s.at for s in sources), default=None),
        good=sum(labels) if labels else None,
        sha256=sha256(text.encode()).hexdigest(),
        by_role=dict(sorted(Counter(f"{s.role} ({s.kind})" for s in sources).items())),
        versions=tuple(sorted({f"{s.role}: {s.version}" for s in sources})),
        models=tuple(sorted({s.model for s in sources if s.model})),
    )
