"""What a probe found out about endpoints, in a small JSON file: which way of asking for JSON works, and how much fits."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from llo11ypop.models.config import METHODS, Endpoint, Method


@dataclass(frozen=True, slots=True)
class Found:
    """One model of one server."""

    base_url: str
    model: str
    method: Method | None
    """The strictest that works; None where none does."""
    context: int | None
    """Tokens of prompt and answer, where the server says it."""
    usage: bool
    """Whether it counts tokens."""
    latency_s: float
    """Of a short answer."""
    at: str


def write(path: Path, found: Iterable[Found]) -> None:
    """Keep what was found beside what was found about others before. Raises OSError."""
    new = {(one.base_url, one.model): asdict(one) for one in found}
    kept = {(one.base_url, one.model): asdict(one) for one in read(path)} | new
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(list(kept.values()), indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)


def read(path: Path) -> list[Found]:
    """What was found; nothing where the file is missing or not ours."""
    try:
        return [Found(**one) for one in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def methods(path: Path, endpoints: Mapping[str, Endpoint]) -> dict[tuple[str, str], Method]:
    """The ways of asking that work, by server and model."""
    wanted = {one.place for one in endpoints.values()}
    return {
        (one.base_url, one.model): one.method
        for one in read(path)
        if one.method in METHODS and (one.base_url, one.model) in wanted
    }
