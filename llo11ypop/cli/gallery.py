"""`llo11ypop ask --gallery docs/gallery.md`: ask the gallery's questions of a fleet and write what came back, with charts."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from llo11ypop.ask.draw import slug, svg
from llo11ypop.cli.ask_view import clipped, safe
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.located import load_located, validate
from llo11ypop.core.question import Answer, Chart, Column
from llo11ypop.language.figures import figure, period
from llo11ypop.settings import Settings

if TYPE_CHECKING:
    from llo11ypop.ask.deps import AskDeps

ROWS = 6
COLUMNS = 8
QUERY = 900
LARGEST_SVG = 45_000
"""A larger drawing is written as PNG: the gallery is committed."""
FILE_NAME = "gallery.yaml"


class Chapter(BaseModel):
    """Questions under one heading; a list among them is a thread."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    ask: tuple[str | tuple[str, ...], ...]


class Gallery(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    chapters: tuple[Chapter, ...]


def load_gallery(config_dir: Path) -> Gallery:
    """The questions. Raises ConfigError with file and line."""
    path = config_dir / FILE_NAME
    if not path.is_file():
        raise ConfigError(f"no {path}", next_step="point --config at a folder that holds it")
    return validate(Gallery, load_located(path.read_text(encoding="utf-8"), str(path)))


async def write_gallery(settings: Settings, target: Path, at: datetime | None) -> None:
    """Ask everything and write the page; drawings go into a folder named like it."""
    from llo11ypop.daemon.conversing import conversing

    gallery = load_gallery(settings.config_dir)
    folder = target.with_suffix("")
    async with conversing(settings, foreign=True, forget=True, keep=False) as deps:
        instant = at or await deps.now()
        words = await _words(deps, instant)
        parts = [await _head(deps, instant)]
        for chapter in gallery.chapters:
            parts.append(await _asked(deps, chapter, words, instant, folder))
            await asyncio.to_thread(_written, target, "\n".join(parts))


def _written(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text.rstrip() + "\n", encoding="utf-8")


async def _head(deps: "AskDeps", at: datetime) -> str:
    meta = {}
    exports = await deps.store.exports()
    if exports.has("fleet_meta"):
        from llo11ypop.query.plan import Plan

        plan = Plan.model_validate({"dataset": "fleet_meta", "fields": ["key", "value"], "limit": 50})
        meta = {r["key"]: r["value"] for r in (await deps.store.run(plan, at)).rows.to_pylist()}
    what = ", ".join(f"{k} {meta[k]}" for k in ("seed", "gpus", "profile", "acceleration") if k in meta)
    return (
        "# Gallery\n\n"
        "Every answer below was given by `llo11ypop ask --gallery docs/gallery.md`; nothing was written by hand. "
        f"The fleet is simulated ({what}), and is asked as of {at:%Y-%m-%d %H:%M} UTC. Its faults are accelerated: its rates are "
        "not those of a real fleet.\n"
    )


async def _words(deps: "AskDeps", at: datetime) -> dict[str, str]:
    """A thing of this fleet for every placeholder."""
    site = await deps.site(deps.principal, at)
    known = site.values.values
    words = {"node": "node_id", "run": "run_id", "cluster": "cluster", "provider": "provider", "site": "site"}
    return {name: (known.get(field) or (name,))[0] for name, field in words.items()}


async def _asked(deps: "AskDeps", chapter: Chapter, words: dict[str, str], at: datetime, folder: Path) -> str:
    from llo11ypop.ask.conversation import ask

    out = [f"\n## {chapter.title}\n"]
    for number, entry in enumerate(chapter.ask):
        thread = f"{chapter.title} {number}"
        for turn, question in enumerate([entry] if isinstance(entry, str) else entry):
            text = question.format(**words)
            answer = await ask(text, deps, thread=thread, at=at)
            image = await asyncio.to_thread(_drawn, answer.chart, f"{thread} {text}", folder)
            out.append(_section(text, answer, image, follow=turn > 0))
    return "\n".join(out)


def _drawn(chart: Chart | None, name: str, folder: Path) -> str:
    if chart is None or chart.kind == "stat":
        return ""
    text = svg(chart)
    folder.mkdir(parents=True, exist_ok=True)
    if len(text) <= LARGEST_SVG:
        path = folder / f"{slug(name)}.svg"
        path.write_text(text, encoding="utf-8")
    else:
        import vl_convert

        path = folder / f"{slug(name)}.png"
        path.write_bytes(vl_convert.vegalite_to_png(dict(chart.spec), scale=1, allowed_base_urls=[]))
    return f"{folder.name}/{path.name}"


def _section(question: str, answer: Answer, image: str, *, follow: bool) -> str:
    lines = [f"### {'↳ ' if follow else ''}{inline(question)}\n", f"**{answer.status}** — {inline(answer.text)}\n"]
    if image:
        lines.append(f"![{inline(answer.reading)}]({image})\n")
    lines += _table(answer)
    lines += [f"- {name}: {inline(text)}" for name, text in _facts(answer) if text]
    if answer.queries:
        query = answer.queries[0]
        values = ", ".join(map(str, query.params))
        more = f" and {len(answer.queries) - 1} more" if len(answer.queries) > 1 else ""
        body = clipped(safe(query.text), QUERY).replace("```", "'''")
        shown = f"```sql\n{body}\n-- {clipped(safe(values), 300)}\n```"
        lines.append(f"\n<details><summary>{query.engine} query{more}</summary>\n\n{shown}\n\n</details>")
    return "\n".join(lines) + "\n"


def _facts(answer: Answer) -> Iterable[tuple[str, str]]:
    yield "read as", answer.reading
    yield "window", f"{period(answer.window)} (UTC)" if answer.window else ""
    yield "means", answer.definition
    yield from (("note", note) for note in answer.notes[:4])
    yield "data", answer.freshness
    yield "agents", ", ".join(s.agent for s in answer.steps)
    yield "ask next", " · ".join(answer.followups)


def _table(answer: Answer) -> list[str]:
    if answer.result is None or not answer.result.rows.num_rows:
        return []
    known = {c.name: c for c in answer.result.columns}
    columns = [known.get(n, Column(n, n, "dimension")) for n in answer.result.rows.column_names[:COLUMNS]]
    lines = ["| " + " | ".join(inline(c.label) for c in columns) + " |"]
    lines.append("|" + "|".join("---:" if c.role == "measure" else "---" for c in columns) + "|")
    for row in answer.result.rows.slice(0, ROWS).to_pylist():
        lines.append("| " + " | ".join(inline(clipped(figure(row[c.name], c.unit), 60)) for c in columns) + " |")
    more = answer.result.rows.num_rows - ROWS
    return [*lines, f"\n… and {more:,} more rows\n" if more > 0 else ""]


def inline(text: str) -> str:
    """Text from telemetry as Markdown that stays text: no links, no images, no markup."""
    escaped = " ".join(safe(text).split())
    for sign in "\\`*_[]<>|":
        escaped = escaped.replace(sign, f"\\{sign}")
    return escaped
