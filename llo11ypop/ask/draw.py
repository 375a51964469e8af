"""Draw a chart as SVG or PNG with vl-convert: no browser, no network, no font is fetched."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from llo11ypop.core.errors import ConfigError
from llo11ypop.core.ids import content_hash
from llo11ypop.core.question import Answer, Chart

_FORMATS = (".svg", ".png", ".json")


def svg(chart: Chart) -> str:
    """The chart as SVG text."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(dict(chart.spec), allowed_base_urls=[]))


def draw(chart: Chart, question: str, target: Path) -> Path:
    """Write the chart; the file's ending says how (.svg, .png, .json). A folder gets `<question>-<hash>.svg`.

    Raises ConfigError for another ending or a place that cannot be written.
    """
    path = target if target.suffix.lower() in _FORMATS and not target.is_dir() else target / f"{slug(question)}.svg"
    if target.suffix and not target.is_dir() and path.parent == target:
        raise ConfigError(f"--chart {target}: cannot draw '{target.suffix}'", next_step="use .svg, .png, .json or a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_drawn(chart, path.suffix.lower()))
    except OSError as bad:
        raise ConfigError(f"cannot write the chart to {path}: {bad.strerror}", next_step="choose another place") from bad
    return path


def _drawn(chart: Chart, ending: str) -> bytes:
    import vl_convert

    spec: dict[str, Any] = dict(chart.spec)
    if ending == ".png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=2, allowed_base_urls=[]))
    if ending == ".json":
        import json

        return json.dumps(spec, ensure_ascii=False, indent=1).encode()
    return svg(chart).encode()


def slug(question: str) -> str:
    """A file name from a question: its first letters and digits, and six of its hash, so that two questions never share one."""
    words = re.sub(r"[^a-z0-9]+", "-", question.casefold())[:48].strip("-") or "chart"
    return f"{words}-{content_hash(question)[:6]}"


def drawn(answer: Answer, question: str, target: Path, *, asked: bool) -> Answer:
    """The answer with its chart drawn; a single figure is only drawn when a chart was asked for."""
    if answer.chart is None or (answer.chart.kind == "stat" and not asked):
        return answer
    return replace(answer, chart=replace(answer.chart, path=str(draw(answer.chart, question, target))))
