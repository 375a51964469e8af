"""The chart follows from the rows, holds the same rows, and is drawn without a browser."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from llo11ypop.ask.chart import BARS, Planned, chart_of
from llo11ypop.ask.draw import draw, slug, svg
from llo11ypop.core.errors import ConfigError
from llo11ypop.core.question import Column, Result
from llo11ypop.language import Intent, Reading
from tests.ask_samples import CLUSTER, DAY, FAILED, NODE, RACK, START, TEMP, WAIT, clusters, days, reading, result

RACKS = result((RACK, NODE, TEMP), [{"rack": f"r{i // 4}", "node_id": f"n-{i:02d}", "temp": 50.0 + i % 7} for i in range(24)])
GPUS = result(
    (Column("gpu_uuid", "GPU", "dimension"), TEMP), [{"gpu_uuid": f"GPU-{i}", "temp": 40.0 + i % 30} for i in range(300)]
)
CAUSES = result(
    (Column("cause", "cause", "dimension"), Column("score", "score", "measure", "1")),
    [{"cause": "fan", "score": 0.9}, {"cause": "driver", "score": 0.2}],
)
TWO = result((RACK, TEMP, WAIT), [{"rack": f"r{i}", "temp": 40.0 + i, "wait": 10.0 * i} for i in range(20)])


@pytest.mark.parametrize(
    ("rows", "asked", "kind"),
    [
        (result((FAILED,), [{"failed": 3}]), reading(FAILED, intent=Intent.VALUE), "stat"),
        (clusters({"c-a": 3, "c-b": 1}), reading(CLUSTER, FAILED), "bar"),
        (days([1, 2, 3, 4]), reading(DAY, FAILED, intent=Intent.TREND, bucket="day"), "line"),
        (RACKS, reading(RACK, NODE, TEMP, agg="avg"), "heatmap"),
        (GPUS, reading(TEMP, agg="avg"), "histogram"),
        (GPUS, reading(TEMP, agg="avg", ordered=True, top=10), "bar"),
        (CAUSES, reading(intent=Intent.CAUSES, measures=()), "ranked"),
        (TWO, reading(intent=Intent.RELATION, measures=()), "scatter"),
    ],
)
def test_the_kind_follows_from_the_rows(rows: Result, asked: Reading, kind: str) -> None:
    chart = chart_of(asked, rows)
    assert chart is not None
    assert chart.kind == kind
    assert chart.spec["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    assert "url" not in json.dumps(chart.spec).replace('"$schema"', "")
    assert svg(chart).startswith("<svg")


def _values(spec: Any) -> list[dict[str, Any]]:
    found = [spec["data"]["values"]] if isinstance(spec.get("data"), dict) and "values" in spec["data"] else []
    return [*(v for f in found for v in f), *(v for layer in spec.get("layer", []) for v in _values(layer))]


def test_the_values_of_a_bar_chart_are_the_rows() -> None:
    chart = chart_of(reading(CLUSTER, FAILED), clusters({"c-a": 3, "c-b": 1}))
    assert chart is not None
    assert _values(chart.spec) == [{"cluster": "c-a", "failed": 3}, {"cluster": "c-b", "failed": 1}]


def test_a_line_has_its_mean_planned_work_and_what_is_not_over() -> None:
    asked = reading(DAY, FAILED, intent=Intent.TREND, bucket="day", partial=True)
    chart = chart_of(asked, days([1, 2, 3, 4]), [Planned(START, START + timedelta(days=1), "cooling on row c-a-row1")])
    assert chart is not None
    text = json.dumps(chart.spec)
    assert "mean(failed)" in text or '"aggregate": "mean"' in text
    assert "cooling on row c-a-row1" in text
    assert chart.spec["title"]["subtitle"] == "shaded: planned work; dashed: mean of the period; dotted: not over yet"


def test_many_bars_are_cut_and_the_chart_says_so() -> None:
    rows = result((NODE, FAILED), [{"node_id": f"n-{i:03d}", "failed": 100 - i} for i in range(40)])
    chart = chart_of(reading(NODE, FAILED, ordered=True), rows)
    assert chart is not None
    assert len(_values(chart.spec)) == BARS
    assert chart.spec["title"]["subtitle"] == "25 of 40 shown"


def test_nothing_is_drawn_of_no_rows_or_no_reading() -> None:
    assert chart_of(reading(CLUSTER, FAILED), result((CLUSTER, FAILED), [])) is None
    assert chart_of(reading(CLUSTER, TEMP), result((CLUSTER, TEMP), [{"cluster": "c-a", "temp": None}])) is None
    assert chart_of(reading(NODE, intent=Intent.LIST), result((NODE,), [{"node_id": "n-1"}])) is None


def test_the_file_ending_says_how_it_is_drawn(tmp_path: Path) -> None:
    chart = chart_of(reading(CLUSTER, FAILED), clusters({"c-a": 3, "c-b": 1}))
    assert chart is not None
    assert draw(chart, "q", tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(draw(chart, "q", tmp_path / "a.json").read_text(encoding="utf-8"))["data"]
    assert draw(chart, "Failed jobs?", tmp_path / "charts").name == f"{slug('Failed jobs?')}.svg"
    with pytest.raises(ConfigError, match=r"cannot draw '\.gif'"):
        draw(chart, "q", tmp_path / "a.gif")


def test_a_label_from_telemetry_cannot_become_markup() -> None:
    evil = "<script>alert(1)</script>"
    chart = chart_of(reading(CLUSTER, FAILED), clusters({evil: 3, "c-b": 1}))
    assert chart is not None
    assert "<script" not in svg(chart)
