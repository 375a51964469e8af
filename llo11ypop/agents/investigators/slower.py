"""Why one GPU is slower than its siblings in the same node: what about it differs, causes before their consequences."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from llo11ypop.agents.investigators.inquiry import Inquiry, any_of
from llo11ypop.agents.investigators.lemon import named_node
from llo11ypop.agents.investigators.records import Cause, Investigated
from llo11ypop.agents.investigators.tables import Row, dimension, figure, measure, said
from llo11ypop.analysis.change_point import MAD_TO_SD
from llo11ypop.core.entity import Entity
from llo11ypop.core.vocabulary import Level

DEFAULT_WINDOW = timedelta(hours=24)
BUSY = "gpu_util_pct > 50"
APART = 4.0
"""Robust deviations from the siblings from which a GPU differs (our assumption)."""
LEAST_PCT = 5.0
"""Points of a percentage that matter at all."""
COLUMNS = (
    dimension("reading"),
    measure("gpu", "this GPU"),
    measure("siblings", "median of its siblings"),
    measure("difference_pct", "difference", "%"),
    dimension("unit"),
    dimension("speaks"),
    dimension("meaning"),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading that may explain slowness."""

    name: str
    agg: str
    field: str
    unit: str
    worse: int
    """1 when more is worse, −1 when less is."""
    least: float
    """Difference from the siblings, as a share of their median, that matters (absolute where they read zero)."""
    meaning: str
    busy: bool = True
    shown: tuple[str, float] | None = None
    """Unit in which it is told, and how many of that unit one of its own is; its own unit where there is none."""


SECONDS = ("s", 1e-9)
READINGS = (
    Reading(
        "PCIe lanes", "min", "pcie_link_width", "1", -1, 0.2, "the PCIe link trained narrow: riser, retimer or dirt", busy=False
    ),
    Reading("PCIe replays", "increase", "pcie_replay_total", "1", 1, 20.0, "the PCIe link repeats packets", busy=False),
    Reading(
        "thermal throttling",
        "increase",
        "thermal_violation_ns_total",
        "ns",
        1,
        1e9,
        "it was slowed down for heat",
        busy=False,
        shown=SECONDS,
    ),
    Reading(
        "power throttling",
        "increase",
        "power_violation_ns_total",
        "ns",
        1,
        60e9,
        "it was slowed down for power",
        busy=False,
        shown=SECONDS,
    ),
    Reading("core temperature", "avg", "gpu_temp_c", "Cel", 1, 0.12, "it is warmer under the same load: cooling of this one GPU"),
    Reading("HBM temperature", "avg", "mem_temp_c", "Cel", 1, 0.12, "its memory is warmer under the same load"),
    Reading("NVLink replays", "increase", "nvlink_replay_error_total", "1", 1, 20.0, "its NVLink repeats packets", busy=False),
    Reading(
        "NVLink traffic",
        "avg",
        "nvlink_bandwidth_bps",
        "By/s",
        -1,
        0.2,
        "less NVLink traffic: a degraded link, or less work",
        shown=("GB/s", 1e-9),
    ),
    Reading("rows remapped", "increase", "remap_uncorrectable_total", "1", 1, 1.0, "its memory loses rows", busy=False),
    Reading("SM clock", "avg", "sm_clock_mhz", "MHz", -1, 0.04, "it runs at a lower clock"),
    Reading("board power", "avg", "power_w", "W", -1, 0.15, "it draws less power than its siblings"),
    Reading("tensor activity", "avg", "tensor_active_ratio", "1", -1, 0.1, "it computes less in the same time"),
    Reading(
        "utilisation", "avg", "gpu_util_pct", "%", -1, 0.1, "it has less work: its job may be smaller, not it slower", busy=False
    ),
)
"""In causal order: link, heat and power before clock, clock before work done."""
SLOWNESS = ("SM clock", "tensor activity")


async def slower(inquiry: Inquiry) -> Investigated:
    """Compare the named GPU with its siblings. Says so when it is not slower, or when nothing differs."""
    node, index = named_node(inquiry), _index(inquiry)
    uuid = inquiry.reading.scope.entity("gpu")
    window = inquiry.window(DEFAULT_WINDOW, recent=True)
    if node is None and uuid:
        around = [e.id for e in inquiry.ground.topology.ancestors(Entity(Level.GPU, uuid)) if e.level is Level.NODE]
        node = around[0] if around else None
    if node is None:
        return inquiry.found("Unknown: which node is the GPU in?", COLUMNS, [])
    rows = await inquiry.ask({r.name: _plan(inquiry, r, node, inquiry.span(window)) for r in READINGS})
    known = {r["gpu_index"]: r["gpu_uuid"] for found in rows.values() for r in found}
    if uuid in known.values():
        index = next(i for i, u in known.items() if u == uuid)
    if index is None or index not in known:
        reported = (
            f"GPUs that reported: {', '.join(str(i) for i in sorted(known))}" if known else "no GPU of it reported in this window"
        )
        return inquiry.found(f"Unknown: there is nothing to compare GPU {index} of {node} with ({reported}).", COLUMNS, [])
    table = [_compared(r, rows[r.name], index) for r in READINGS]
    shown = [row for row in table if row is not None]
    speaking = [row for row in shown if row["speaks"] == "for"]
    slow = [row for row in speaking if row["reading"] in SLOWNESS]
    inquiry.note(
        f"GPU {index} of {node} is {known[index]}; readings while it was busy (over half utilised), counters over the window"
    )
    causes = [
        Cause(str(r["meaning"]), round(0.9 - 0.05 * n, 2), (f"{r['gpu']} against {r['siblings']} {r['unit']}",))
        for n, r in enumerate(speaking)
    ]
    shown.sort(key=lambda row: row["speaks"] != "for")
    return inquiry.found(_sentence(f"GPU {index} of {node}", speaking, slow), COLUMNS, shown, causes, confident=bool(speaking))


def _index(inquiry: Inquiry) -> int | None:
    scope = inquiry.reading.scope
    named = scope.entity("gpu_index") or next(iter(scope.values("gpu_index")), None)
    found = re.search(r"\bgpu[ #-]?(\d{1,2})\b", inquiry.reading.question.casefold())
    text = named or (found.group(1) if found else None)
    return int(float(text)) if text is not None else None


def _plan(inquiry: Inquiry, reading: Reading, node: str, span: Any) -> dict[str, Any]:
    where = any_of("node_id", [node]) + (f" and {BUSY}" if reading.busy else "")
    measures = {"value": {"agg": reading.agg, "field": reading.field}, "n": {"agg": "count"}}
    return {"dataset": "gpu_metrics", "window": span, "where": where, "by": ["gpu_uuid", "gpu_index"], "measures": measures}


def _compared(reading: Reading, rows: Sequence[Row], index: int) -> Row | None:
    own = next((r["value"] for r in rows if r["gpu_index"] == index), None)
    others = np.array([float(r["value"]) for r in rows if r["gpu_index"] != index and r["value"] is not None])
    if own is None or not len(others):
        return None
    usual = float(np.median(others))
    spread = MAD_TO_SD * float(np.median(np.abs(others - usual)))
    off = (float(own) - usual) * reading.worse
    counter = reading.agg == "increase"
    matters = (
        off >= reading.least if counter else off >= max(reading.least * abs(usual), LEAST_PCT if reading.unit == "%" else 0.0)
    )
    speaks = matters and off >= APART * spread
    unit, scale = reading.shown or (reading.unit, 1.0)
    return {
        "reading": reading.name,
        "gpu": figure(own * scale, 0 if counter else 2),
        "siblings": figure(usual * scale, 0 if counter else 2),
        "difference_pct": figure(100 * (own - usual) / usual if usual else None),
        "unit": unit,
        "speaks": "for" if speaks else "against",
        "meaning": reading.meaning if speaks else "like its siblings",
    }


def _sentence(name: str, speaking: Sequence[Row], slow: Sequence[Row]) -> str:
    if not speaking:
        return f"{name} is not slower than its siblings in this window: nothing about it differs from them."
    first = speaking[0]
    unit = "" if first["unit"] == "1" else f" {first['unit']}"
    lead = f"{first['reading']} {said(first['gpu'])}{unit} against {said(first['siblings'])}{unit}: {first['meaning']}"
    if not slow:
        return f"{name} does not run at a lower clock than its siblings, but it differs: {lead}."
    if first["reading"] in SLOWNESS:
        return f"{name} is slower ({lead}); why is unknown: heat, power, PCIe and NVLink are like its siblings'."
    speed = f"{slow[0]['reading']} {said(slow[0]['gpu'])} against {said(slow[0]['siblings'])}"
    return f"{name} is slower ({speed}); most likely {lead}."
