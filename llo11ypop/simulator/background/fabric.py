"""The compute fabric: HCA ports, switches, a ping mesh and NVLink sums, following the jobs that talk over them.

Links flap harmlessly now and then (HPN, SIGCOMM 2024, counts thousands a day over a large fleet).
"""

import numpy as np
from numpy.typing import NDArray

from llo11ypop.simulator.background.occupancy import habits, job_grid
from llo11ypop.simulator.grid import Grid
from llo11ypop.simulator.world import World

FloatMatrix = NDArray[np.float32]
PORT_STATE = ["ACTIVE", "INIT", "DOWN"]
PHYSICAL = ["LinkUp", "Polling", "Disabled"]
PORT_BPS = 50e9
FLAPS_PER_PORT_DAY = 0.004
COUNTERS = (
    "link_downed_total", "link_error_recovery_total", "symbol_error_total", "rcv_error_total", "xmit_discard_total",
    "buffer_overrun_total", "local_link_integrity_total", "rnr_nak_retry_total", "ack_timeout_total",
    "out_of_sequence_total", "cnp_sent_total", "rx_pause_total", "carrier_changes_total",
)  # fmt: skip


def build_fabric(world: World) -> None:
    """Fill fabric_ports, switch_metrics, net_probe (10 min) and nvlink_metrics (15 min)."""
    steps = world.steps(600)
    work = habits(world)
    node_net = work.network[job_grid(world.jobs, len(world.shape.gpus), 600, steps)[::8]]
    _ports(world, node_net)
    _switches(world, steps)
    _probes(world, node_net)
    _nvlink(world)


def _ports(world: World, node_net: FloatMatrix) -> None:
    """Eight ports per node."""
    shape, steps, rng = world.shape, node_net.shape[1], world.rng("ports")
    count = len(shape.ports)
    size = (count, steps)
    grid = Grid("fabric_ports", [p.port_id for p in shape.ports], 600, steps)
    share = np.repeat(node_net, 8, axis=0) * (1 + 0.05 * rng.standard_normal(size, dtype=np.float32))
    sent = np.clip(share, 0, 1.0) * np.float32(0.33 * PORT_BPS)
    traffic = np.cumsum(sent, axis=1, dtype=np.float64) * 600
    grid.columns = {name: np.zeros(size, dtype=np.float32) for name in COUNTERS}
    grid.columns["xmit_bytes_total"] = np.rint((traffic + rng.uniform(1e12, 1e15, (count, 1))) / 1e9) * 1e9
    grid.columns["rcv_bytes_total"] = np.rint((traffic * 0.985 + rng.uniform(1e12, 1e15, (count, 1))) / 1e9) * 1e9
    grid.columns["xmit_wait_total"] = np.rint(np.cumsum(sent / 4e4 * rng.gamma(1.2, 0.8, size), axis=1) / 1e5) * 1e5
    roce = np.array([shape.cluster(p.cluster).link_layer == "roce" for p in shape.ports], dtype=np.float32)[:, None]
    grid.columns["cnp_sent_total"] = np.floor(np.cumsum(roce * sent / 2e8 * rng.random(size, dtype=np.float32), axis=1))
    grid.columns["rx_pause_total"] = np.floor(np.cumsum(roce * sent / 3e9 * rng.random(size, dtype=np.float32), axis=1))
    temp = (
        44 + 0.7 * rng.standard_normal((count, 1)) + 6 * np.clip(share, 0, 1) + 0.5 * rng.standard_normal(size, dtype=np.float32)
    )
    grid.columns["module_temp_c"] = np.rint(temp).astype(np.float32)
    ber = 10.0 ** rng.normal(-15.2, 0.3, (count, 1))
    grid.columns["effective_ber"] = np.broadcast_to(ber.astype(np.float32), size).copy()
    grid.columns["rate_gbps"] = np.full(size, 400, dtype=np.float32)
    grid.columns["pcie_width"] = np.full(size, 16, dtype=np.int8)
    for name, words in (("port_state", PORT_STATE), ("physical_state", PHYSICAL)):
        grid.columns[name], grid.labels[name] = np.zeros(size, dtype=np.int8), list(words)
    grid.labels["gid"] = ["", *(_gid(i) for i in range(count))]
    grid.columns["gid"] = np.repeat(np.arange(1, count + 1, dtype=np.int32)[:, None], steps, axis=1)
    for name in ("cluster", "node_id", "port_id", "switch_id"):
        grid.static[name] = np.array([getattr(p, name) for p in shape.ports], dtype=object)
    grid.static["link_layer"] = np.array([shape.cluster(p.cluster).link_layer for p in shape.ports], dtype=object)
    world.grids["fabric_ports"] = grid
    _benign_flaps(world, grid, rng)


def _gid(index: int) -> str:
    """A port GID."""
    return f"fe80::a288:c2ff:fe{index >> 8 & 0xFF:02x}:{index & 0xFF:02x}{index >> 16 & 0xFF:02x}"


def _benign_flaps(world: World, grid: Grid, rng: np.random.Generator) -> None:
    """Links that go down and come back by themselves in seconds; symbol errors that mean nothing."""
    count, steps = grid.present.shape
    flaps = int(rng.poisson(FLAPS_PER_PORT_DAY * count * world.days)) if steps else 0
    rows, at = rng.integers(0, count, flaps), rng.uniform(0, world.duration_s, flaps)
    for row, t in zip(rows.tolist(), at.tolist(), strict=True):
        grid.bump("link_downed_total", row, t, 1)
        grid.bump("carrier_changes_total", row, t, 2)
        grid.bump("link_error_recovery_total", row, t, 1)
    if flaps:
        port = [world.shape.ports[i] for i in rows]
        text = [
            f"mlx5_core 0000:{0x18 + p.index % 8 * 16:02x}:00.0 {p.port_id.split('/')[1]}: Link {w}"
            for p in port
            for w in ("down", "up")
        ]
        world.add(
            "syslog", ts=np.repeat(at, 2) + np.tile([0.0, 3.4], flaps), node_id=np.repeat([p.node_id for p in port], 2),
            facility="kern", severity=np.tile(["warning", "info"], flaps), process="kernel", message=np.array(text, dtype=object),
        )  # fmt: skip
    for name, rate, most in (("symbol_error_total", 0.05, 30), ("rcv_error_total", 0.01, 4), ("out_of_sequence_total", 0.02, 20)):
        for row in np.flatnonzero(rng.random(count) < 1 - np.exp(-rate * world.days)).tolist():
            grid.bump(name, row, float(rng.uniform(0, world.duration_s)), int(rng.integers(1, most)))


def _switches(world: World, steps: int) -> None:
    """Leaf and spine switches."""
    switches, rng = world.shape.switches, world.rng("switches")
    size = (len(switches), steps)
    ports = np.array([8 * len(s.nodes) if s.role == "leaf" else 32 for s in switches], dtype=np.int16)
    grid = Grid("switch_metrics", [s.switch_id for s in switches], 600, steps)
    temp = 52 + 2.0 * rng.standard_normal((len(switches), 1)) + 0.6 * rng.standard_normal(size, dtype=np.float32)
    grid.columns = {
        "reachable": np.ones(size, dtype=np.int8), "ports_up": np.repeat(ports[:, None], steps, axis=1),
        "fan_ok": np.full(size, 7, dtype=np.int8), "psu_ok": np.full(size, 2, dtype=np.int8),
        "asic_temp_c": np.rint(temp).astype(np.float32), "firmware": np.zeros(size, dtype=np.int8),
    }  # fmt: skip
    grid.labels = {"firmware": ["31.2012.4036"]}
    for name in ("cluster", "switch_id", "role"):
        grid.static[name] = np.array([getattr(s, name) for s in switches], dtype=object)
    grid.static["ports_total"] = ports
    world.grids["switch_metrics"] = grid


def _probes(world: World, node_net: FloatMatrix) -> None:
    """Every node pings the next one and, every fourth, one on another leaf."""
    shape, steps, rng = world.shape, node_net.shape[1], world.rng("probes")
    pairs = []
    for cluster in shape.clusters:
        n = len(cluster.nodes)
        for i, node in enumerate(cluster.nodes):
            hops = {1, n // 2} if i % 4 == 0 else {1}
            pairs += [(cluster.cluster, node, cluster.nodes[(i + hop) % n]) for hop in sorted(hops) if hop % n]
    size = (len(pairs), steps)
    traffic = node_net[[shape.node(p[1]).index for p in pairs]] if pairs else np.zeros(size, dtype=np.float32)
    far = np.array([shape.node(a).leaf_switch != shape.node(b).leaf_switch for _, a, b in pairs], dtype=np.float32)[:, None]
    p50 = (2.6 + 1.9 * far) * (1 + 0.12 * traffic) * (1 + 0.03 * rng.standard_normal(size, dtype=np.float32))
    spike = np.where(rng.random(size) < 0.002, rng.gamma(2.0, 3.0, size), 0.0)
    p99 = p50 * (2.4 + 0.9 * traffic + 0.3 * rng.random(size, dtype=np.float32)) + spike
    grid = Grid("net_probe", [f"{a}>{b}" for _, a, b in pairs], 600, steps)
    grid.columns = {
        "rtt_p50_us": np.round(p50, 2).astype(np.float32), "rtt_p99_us": np.round(p99, 2).astype(np.float32),
        "loss_ratio": np.where(rng.random(size) < 0.001, 0.01, 0.0).astype(np.float32),
    }  # fmt: skip
    for i, name in enumerate(("cluster", "src_node", "dst_node")):
        grid.static[name] = np.array([p[i] for p in pairs], dtype=object)
    world.grids["net_probe"] = grid


def _nvlink(world: World) -> None:
    """The sum over each GPU's links, link −1; PCIe-only nodes have none."""
    source = world.grids["gpu_metrics"]
    keep = np.flatnonzero([world.shape.node(g.node_id).nvlink for g in world.shape.gpus])
    steps = world.steps(900)
    grid = Grid("nvlink_metrics", [source.entities[i] for i in keep], 900, steps)
    at = np.arange(steps) * 3
    grid.columns = {
        "bandwidth_bps": source.columns["nvlink_bandwidth_bps"][np.ix_(keep, at)],
        "crc_error_total": source.columns["nvlink_crc_error_total"][np.ix_(keep, at)],
        "replay_error_total": source.columns["nvlink_replay_error_total"][np.ix_(keep, at)],
        "recovery_error_total": source.columns["nvlink_recovery_error_total"][np.ix_(keep, at)],
    }
    for name in ("cluster", "node_id", "gpu_uuid"):
        grid.static[name] = source.static[name][keep]
    grid.static["link"] = np.full(len(keep), -1, dtype=np.int8)
    world.grids["nvlink_metrics"] = grid
