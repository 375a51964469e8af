"""Is the simulated fleet like the published ones? Measured figures against ranges, at acceleration 1.

An events-only fleet of 400 nodes over 348 days, the size of the InfiniteHBD trace, gives faults, jobs and
availability; a small fleet with telemetry gives temperature, power and utilisation.
"""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llo11ypop.core.errors import ConfigError
from llo11ypop.simulator.background.submission import STATE_MIX
from llo11ypop.simulator.jobs import STATE
from llo11ypop.simulator.models import MODELS
from llo11ypop.simulator.simulate import build_background
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.truth import Truth
from llo11ypop.simulator.world import UNAVAILABLE, World

Floats = NDArray[np.float64]
DAY_S = 86400.0
QUANTILES = np.array([1, 5, 10, 25, 30, 40, 50, 60, 75, 90, 95, 99, 99.9])
ACME: dict[str, list[float]] = {
    "gpu_temp_c": [25, 27, 28, 31, 33, 35, 39, 44, 53, 61, 65, 69, 80],
    "mem_temp_c": [27, 39, 43, 46, 47, 49, 51, 54, 59, 64, 66, 69, 82],
    "power_w": [60.0, 61.8, 63.0, 66.2, 69.8, 90.7, 96.5, 118.2, 289.9, 395.1, 407.7, 436.6, 558.0],
    "gpu_util_pct": [0, 0, 0, 0, 0, 97, 99, 99, 99, 100, 100, 100, 100],
}
"""Quantiles of Seren's utilisation CDFs, Acme trace (Hu et al., NSDI 2024, github.com/InternLM/AcmeTrace)."""
_ACME_NAMES = {
    "gpu_temp_c": ("gpu_temp_seren", "GPU core temp C"), "mem_temp_c": ("gpu_temp_seren", "GPU memory temp C"),
    "power_w": ("gpu_power_seren", "GPU power W"), "gpu_util_pct": ("util_gpu_seren", "GPU util %"),
}  # fmt: skip
IDLE_SHARE = 0.37
"""Share of Seren's GPU time at utilisation zero."""
INFRA_MODES = frozenset({"NODE_FAIL", "BOOT_FAIL"})
BURST_MODES = frozenset({"F16", "F17", "F20"})
"""Faults that strike several nodes at once; the trace lists every node, so each counts."""
ATTRIBUTED_S = 1800.0
"""A collective times out up to 30 minutes after its link or node went (ByteRobust, SOSP 2025)."""


@dataclass(frozen=True, slots=True)
class Check:
    """One measured figure and the published range it must lie in."""

    name: str
    measured: float
    low: float
    high: float
    source: str

    @property
    def ok(self) -> bool:
        """Whether it lies inside."""
        return self.low <= self.measured <= self.high


def verify(
    seed: int = 1,
    *,
    acme: Path | None = None,
    nodes: int = 400,
    days: float = 348.0,
    progress: Callable[[str], None] | None = None,
) -> list[Check]:
    """All checks. Raises ConfigError when `acme` cannot be read."""
    reference = _reference(acme)
    say = progress or (lambda text: None)
    say(f"events of {nodes} nodes × {days:g} days, acceleration 1")
    checks = events_checks(seed, nodes, days)
    say("telemetry of eight fleets of 512 GPUs, a day each")
    return checks + telemetry_checks(seed, reference)


def events_checks(seed: int, nodes: int, days: float) -> list[Check]:
    """Job states, faults and availability of an events-only fleet."""
    from llo11ypop.simulator.incidents.schedule import populate

    world = build_background(SimulationSpec(seed=seed, gpus=nodes * 8, days=days, acceleration=1.0, events_only=True))
    truths = [t for t in populate(world) if not t.is_decoy]
    return [*_job_checks(world), infra_share(world, truths), *fault_checks(world, truths), availability(world)]


def _job_checks(world: World) -> list[Check]:
    """Final states within three points, small jobs many and cheap, utilisation."""
    c = world.jobs.column
    done = (c["end_s"] < world.duration_s) & (c["state"] != STATE["DROPPED"])
    out = []
    for name in ("COMPLETED", "FAILED", "PREEMPTED", "REQUEUED"):
        share = float((c["state"][done] == STATE[name]).mean())
        out.append(Check(f"jobs {name} share", share, STATE_MIX[name] - 0.03, STATE_MIX[name] + 0.03, "RSC-1"))
    time = gpu_time(world)
    small = c["gpus"] < 8
    ran = c["state"] != STATE["DROPPED"]
    out.append(Check("jobs below a node, share", float(small[ran].mean()), 0.90, 1.0, "RSC-1"))
    out.append(Check("jobs below a node, GPU time", float(time[small].sum() / time.sum()), 0.0, 0.10, "RSC-1"))
    used = float(time.sum() / (world.duration_s * len(world.shape.gpus)))
    out.append(Check("allocated share of GPU time", used, 0.80, 0.86, "RSC-1: 0.83-0.85"))
    return out


def gpu_time(world: World) -> Floats:
    """GPU seconds of every job inside the world; zero for dropped ones."""
    c, end = world.jobs.column, world.duration_s
    seconds = np.clip(c["end_s"], 0, end) - np.clip(c["start_s"], 0, end)
    return np.asarray(np.where(c["state"] == STATE["DROPPED"], 0.0, seconds * c["gpus"]))


def infra_share(world: World, truths: Iterable[Truth]) -> Check:
    """GPU time of jobs that infrastructure ended: NODE_FAIL, or FAILED with a fault on one of its nodes round its end."""
    c, jobs = world.jobs.column, world.jobs
    hit = np.isin(c["state"], [STATE[s] for s in INFRA_MODES])
    early = (c["state"] == STATE["FAILED"]) & (c["end_s"] < c["planned_end_s"])
    for truth in truths:
        if truth.queue == "USER" or truth.planned:
            continue
        begin, until = ((x - world.start_at).total_seconds() for x in (truth.start_at, truth.end_at))
        cluster = truth.entities.get("cluster", ())
        for node in truth.entities.get("node", ()) or [n for k in cluster for n in world.shape.cluster(k).nodes]:
            mine = jobs.overlapping(node, begin - ATTRIBUTED_S, until + ATTRIBUTED_S)
            mine = mine[early[mine]]
            hit[mine[(c["end_s"][mine] >= begin - 300) & (c["end_s"][mine] <= until + ATTRIBUTED_S)]] = True
    time = gpu_time(world)
    return Check("GPU time of infra-failed jobs", float(time[hit].sum() / time.sum()), 0.10, 0.25, "RSC-1: 0.187")


def fault_checks(world: World, truths: Iterable[Truth]) -> list[Check]:
    """How faults cluster: in time, on nodes, after repairs."""
    start, end, node = _faults(world, truths)
    gaps = np.diff(np.sort(start))
    counts = np.bincount(node, minlength=len(world.shape.nodes))
    top = np.sort(counts)[::-1][: max(1, len(counts) // 10)].sum() / max(counts.sum(), 1)
    rate = len(start) / (len(counts) * world.days) * 1000
    return [
        Check("faults per 1,000 node-days", rate, 2.0, 6.5, "InfiniteHBD 3.35-4.19, Llama 3 3.79, RSC-1 6.5"),
        Check("inter-arrival CV", float(gaps.std() / max(gaps.mean(), 1e-9)), 1.4, 2.2, "InfiniteHBD 1.64-1.76"),
        Check("top 10 % of nodes, share of faults", float(top), 0.30, 0.50, "InfiniteHBD 0.409"),
        Check("refail within 7 d of repair", refail_share(start, end, node, world.duration_s), 0.20, 0.40, "InfiniteHBD 0.31"),
    ]


def _faults(world: World, truths: Iterable[Truth]) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Start, end and node of every node-level fault, reopened ones counted again."""
    rows: list[tuple[float, float, int]] = []
    for t in truths:
        burst = t.mode in BURST_MODES
        if t.parent_id or (t.entity_level not in ("gpu", "node", "port") and not burst):
            continue
        nodes = t.entities.get("node", ())[: None if burst else 1]
        at, end = ((x - world.start_at).total_seconds() for x in (t.start_at, t.repaired_at or t.end_at))
        again = sorted((x - world.start_at).total_seconds() for x in t.reopened_at)
        starts = [at, *again]
        ends = [*(max(x - 3600.0, at) for x in again), end]
        rows += [(a, b, world.shape.node(n).index) for n in nodes for a, b in zip(starts, ends, strict=True)]
    table = np.array(rows, dtype=float).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2].astype(np.intp)


def refail_share(start: Floats, end: Floats, node: NDArray[np.intp], duration_s: float) -> float:
    """Share of repaired faults whose node fails again within seven days of the repair."""
    again = total = 0
    for n in np.unique(node):
        mine = np.sort(start[node == n])
        for done in end[node == n]:
            if done < duration_s - 7 * DAY_S:
                total += 1
                after = np.searchsorted(mine, done)
                again += int(after < len(mine) and mine[after] <= done + 7 * DAY_S)
    return again / max(total, 1)


def availability(world: World) -> Check:
    """In-service share of GPU time, all causes but planned maintenance."""
    step, steps = 3600.0, int(world.duration_s // 3600)
    gone = np.zeros((len(world.shape.nodes), steps), dtype=bool)
    for span in world.node_states:
        a, b = (int(np.clip(np.ceil(t / step), 0, steps)) for t in (span.start_s, min(span.end_s, 1e12)))
        gone[world.shape.node(span.node_id).index, a:b] = span.state in UNAVAILABLE and span.state != "maint"
    return Check("availability", float(1 - gone.mean()), 0.965, 0.995, "InfiniteHBD 0.9768, Delta 0.993")


# ---- telemetry ------------------------------------------------------------------------------------------------
def telemetry_checks(seed: int, reference: dict[str, tuple[Floats, Floats]]) -> list[Check]:
    """Kolmogorov-Smirnov distance of air-cooled SXM GPUs to Acme, power scaled to an A100's range, same idle share."""
    fleets = [
        acme_like(build_background(SimulationSpec(seed=seed * 100 + i, days=1.0, acceleration=1.0, quiet=True))) for i in range(8)
    ]
    out = []
    for name in ACME:
        values, weight = (np.concatenate([f[name][part] for f in fleets]) for part in (0, 1))
        out.append(Check(f"KS distance {name}", ks((values, weight), *reference[name]), 0.0, 0.1, "Acme Seren CDF"))
    return out


def acme_like(world: World) -> dict[str, tuple[Floats, Floats]]:
    """Samples and weights per metric, weighted so that idle samples have Acme's share."""
    grid = world.grids["gpu_metrics"]
    nodes = [world.shape.nodes[g.index // 8] for g in world.shape.gpus]
    keep = np.flatnonzero([n.nvlink == 1 and n.cooling == "air" for n in nodes])
    util = grid.columns["gpu_util_pct"][keep].ravel()
    idle = util == 0
    weight = np.where(idle, IDLE_SHARE / max(idle.mean(), 1e-9), (1 - IDLE_SHARE) / max((~idle).mean(), 1e-9))
    models = [MODELS[nodes[i].gpu_model] for i in keep]
    base, span = (np.array(v)[:, None] for v in ([m.idle_w for m in models], [m.tdp_w - m.idle_w for m in models]))
    power = 60 + (grid.columns["power_w"][keep] - base) * 340 / span
    out = {name: grid.columns[name][keep].ravel() for name in ("gpu_temp_c", "mem_temp_c", "gpu_util_pct")}
    out["power_w"] = power.ravel()
    return {name: (values.astype(float), weight) for name, values in out.items()}


def ks(sample: tuple[Floats, Floats], values: Floats, share: Floats) -> float:
    """Largest gap between a weighted sample's CDF and a reference CDF, at the reference's points.

    Where the reference has several shares at one value (a step), the sample may lie anywhere on the step.
    """
    order = np.argsort(sample[0], kind="stable")
    points, cum = sample[0][order], np.cumsum(sample[1][order])
    cum = np.concatenate([[0.0], cum / cum[-1]])
    worst = 0.0
    for value in np.unique(values):
        below, upto = (cum[np.searchsorted(points, value, side=side)] for side in ("left", "right"))
        low, high = share[values == value].min(), share[values == value].max()
        worst = max(worst, float(low - upto), float(below - high))
    return worst


def _reference(acme: Path | None) -> dict[str, tuple[Floats, Floats]]:
    """Values and cumulative shares per metric: the published quantiles, or the whole file."""
    if acme is None:
        return {name: (np.array(values, dtype=float), QUANTILES / 100) for name, values in ACME.items()}
    try:
        with acme.open(encoding="utf-8", newline="") as stream:
            rows: list[dict[str, Any]] = list(csv.DictReader(stream))
        out = {}
        for name, key in _ACME_NAMES.items():
            mine = [(float(r["value"]), float(r["cdf_pct"]) / 100) for r in rows if (r["source_pickle"], r["metric"]) == key]
            out[name] = (np.array([m[0] for m in mine]), np.array([m[1] for m in mine]))
            if not mine:
                raise ConfigError(f"{acme}: no rows of {key[0]}", next_step="give the Acme utilisation_cdfs.csv")
        return out
    except (OSError, KeyError, ValueError) as bad:
        raise ConfigError(f"{acme}: cannot be read: {bad}", next_step="give the Acme utilisation_cdfs.csv") from bad
