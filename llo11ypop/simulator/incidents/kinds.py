"""What is known of each fault before one happens: level, queue, rate, severity, right and wrong actions, repair.

Rates are per 1,000 GPU-days unless `basis` says otherwise. Sources by row: L3 = Llama 3 (arXiv 2407.21783), Delta =
arXiv 2503.11901, FF2 = Fire-Flyer (2408.14158), IHBD = InfiniteHBD fault trace, RSC = Kokolis et al. 2024
(2410.21680), HPN = SIGCOMM'24, STRAG = OSDI'25; "ours" = our assumption. Repair medians: InfiniteHBD fault trace.
"""

from dataclasses import dataclass
from typing import Literal

Basis = Literal[
    "gpu", "node", "switch_month", "cluster_month", "cluster_quarter", "half_year", "run_month", "run_week",
    "node_month", "lemon",
]  # fmt: skip

HARM_POWER = ("REBOOT", "RESET_GPU", "RMA", "DRAIN")
HARM_SOFT = ("RMA", "TECH", "RESET_GPU", "REBOOT")


@dataclass(frozen=True, slots=True)
class Kind:
    """One failure mode. `repair_h` = median hours; `least_h`, `most_h` bound it so that it can be seen and ends.

    `accelerates` is the power to which the fleet's acceleration applies: 1 for hardware, less for what is frequent
    enough by itself. `out` says whether the node leaves service until the repair (False: it works on, degraded).
    """

    level: str
    queue: str
    severity: str
    rate: float
    basis: Basis
    acceptable: tuple[str, ...]
    forbidden: tuple[str, ...]
    causes: tuple[str, ...]
    text: str
    repair_h: float
    least_h: float = 0.5
    most_h: float = 1200.0
    accelerates: float = 1.0
    out: bool = True
    part: str = ""


_RESET = ("RESET_GPU", "DRAIN", "RESTART_APP", "REBOOT", "DIAG")
_BOARD = ("DRAIN", "REBOOT", "DIAG", "RMA", "TECH")
_FAC = ("FAC", "DRAIN")

KINDS: dict[str, Kind] = {
    "F1": Kind("gpu", "GPU-HW", "S2", .010, "gpu", _BOARD, ("NONE",), ("F1", "gpu_off_bus"),  # FF2 .008
               "GPU fell off the PCIe bus", 30, part="gpu"),
    "F2": Kind("gpu", "GPU-HW", "S3", .080, "gpu", _RESET, ("RMA", "TECH"), ("F2", "hbm_uncorrectable"),  # L3 .081
               "contained uncorrectable HBM error", 3.2, least_h=1),
    "F3": Kind("gpu", "GPU-HW", "S2", .003, "gpu", ("DRAIN", "RESET_GPU", "REBOOT", "DIAG"), ("NONE",),  # FF2
               ("F3", "uncontained_ecc"), "uncontained ECC error", 5, least_h=1),
    "F4": Kind("gpu", "GPU-HW", "S2", .005, "gpu", ("DRAIN", "DIAG", "RMA"), ("NONE", "RESTART_APP"),  # ours
               ("F4", "row_remap_failure"), "row remapping failed, spare rows exhausted", 60, part="gpu"),
    "F5": Kind("gpu", "GPU-HW", "S3", .020, "gpu", ("DIAG", "DRAIN", "RMA", "RESET_GPU"), (),  # ours; B200 study
               ("F5", "correctable_remap_creep"), "correctable row remaps creep up without any XID", 60,
               least_h=48, out=False, part="gpu"),
    "F6": Kind("gpu", "GPU-HW", "S3", .020, "gpu", _RESET, (), ("F6", "sram_uncorrectable"),  # L3 .0215
               "uncorrectable SRAM error", 3.2, least_h=1),
    "F7": Kind("gpu", "GPU-HW", "S2", .020, "gpu", ("RESET_GPU", "REBOOT", "DRAIN", "HOLD"), ("RMA", "TECH"),  # L3
               ("F7", "gsp_timeout"), "GSP RPC timeout", 4, least_h=.75),
    "F8": Kind("gpu", "GPU-HW", "S3", .050, "gpu", ("RESET_GPU", "DRAIN", "TECH", "DIAG", "RMA"), (),  # Delta, ours
               ("F8", "nvlink_error"), "NVLink errors", 20, least_h=1),
    "F9": Kind("node", "GPU-HW", "S2", .005, "gpu", ("DRAIN", "REBOOT", "RESET_GPU", "DIAG", "RMA"), ("NONE",),  # ours
               ("F9", "nvswitch_fatal"), "fatal NVSwitch SXID", 40, least_h=1, part="baseboard"),
    "F10": Kind("gpu", "GPU-HW", "S3", .022, "gpu", ("DRAIN", "TECH", "DIAG", "RMA"), (),  # IHBD 25
                ("F10", "pcie_degraded"), "PCIe link degraded to half its width", 72, least_h=6, out=False),
    "F11": Kind("node", "GPU-HW", "S3", .044, "gpu", ("REBOOT", "DRAIN", "DIAG"), ("RMA", "TECH"),  # IHBD 49
                ("F11", "nvidia_smi_hang"), "nvidia-smi hangs, GPU device unknown", .33, least_h=.5),
    "F12": Kind("node", "GPU-HW", "S2", .005, "gpu", ("DRAIN", "TECH", "DIAG", "RMA", "REBOOT"), ("NONE",),  # IHBD 6
                ("F12", "gpu_missing"), "one GPU missing after boot", 71, least_h=2, part="gpu"),
    "F13": Kind("gpu", "GPU-HW", "S3", .007, "gpu", ("TECH", "DRAIN", "DIAG"), ("FAC",),  # L3 6
                ("F13", "gpu_thermal"), "one GPU runs hot: thermal interface or cold plate", 120, least_h=6,
                out=False),
    "F14": Kind("rack", "FAC", "S1", 1.0, "cluster_quarter", _FAC, ("RMA", "REBOOT", "RESET_GPU"),  # ours
                ("F14", "rack_cooling_loss"), "cooling lost in a rack or row", 4, least_h=2, most_h=12,
                accelerates=.35, out=False),
    "F15": Kind("rack", "FAC", "S1", .2, "cluster_quarter", _FAC, ("RMA", "REBOOT"),  # ours
                ("F15", "leak_humidity"), "liquid leak or humidity out of range", 8, least_h=2, most_h=30,
                accelerates=.4, out=False),
    "F16": Kind("node", "GPU-HW", "S3", .030, "gpu", ("TECH", "DRAIN"), ("RMA", "REBOOT"),  # IHBD 33
                ("F16", "fan_failure"), "fan failed", 60, least_h=3, out=False, part="fan"),
    "F17": Kind("node", "GPU-HW", "S3", .023, "gpu", ("TECH", "DRAIN"), ("REBOOT", "RESET_GPU"),  # IHBD 26
                ("F17", "psu_failure"), "power supply failed, redundancy lost", 361, least_h=4, out=False, part="psu"),
    "F18": Kind("rack", "FAC", "S2", .5, "cluster_quarter", ("FAC",), HARM_POWER,  # ours
                ("F18", "power_brake"), "facility power dip, GPUs under power brake", 1.5, least_h=.75, most_h=6,
                accelerates=.5, out=False),
    "F19": Kind("cluster", "FAC", "S4", .02, "run_week", ("FAC", "NONE", "NOTIFY"), (*HARM_POWER, "TECH"),  # ours
                ("F19", "power_oscillation"), "synchronous training swings the power draw", 12, least_h=6, most_h=48,
                accelerates=.5, out=False),
    "F20": Kind("port", "NETOPS", "S3", .040, "gpu", ("NETOPS", "TECH", "DRAIN"), ("RMA", "RESET_GPU"),  # L3 .040
                ("F20", "link_down", "link_flap"), "fabric link down or flapping", 47, least_h=1, out=False,
                part="optic"),
    "F21": Kind("switch", "NETOPS", "S1", .00051, "switch_month", ("NETOPS",), ("REBOOT", "RMA", "RESET_GPU"),  # HPN
                ("F21", "switch_fault"), "fabric switch failed", 3, least_h=1, most_h=24, out=False, part="switch"),
    "F22": Kind("port", "GPU-HW", "S3", .027, "gpu", ("DRAIN", "TECH", "DIAG", "RMA", "NETOPS"), (),  # IHBD 30
                ("F22", "nic_degraded"), "HCA lost or running at a lower rate", 120, least_h=4, out=False, part="hca"),
    "F23": Kind("cluster", "NETOPS", "S3", .05, "cluster_month", ("NETOPS",), HARM_SOFT,  # ours; GREYHOUND
                ("F23", "congestion"), "RoCE congestion", .8, least_h=.7, most_h=3, accelerates=.5, out=False),
    "F24": Kind("mount", "STORAGE", "S2", .30, "cluster_month", ("STORAGE",), HARM_POWER,  # ours; RSC top cause
                ("F24", "filesystem_stall"), "shared filesystem stalls", 1.2, least_h=.6, most_h=6, accelerates=.2,
                out=False),
    "F25": Kind("node", "GPU-HW", "S3", .0034, "gpu", ("TECH", "DRAIN", "NOTIFY", "RMA"), ("RESET_GPU",),  # L3 SSD 3
                ("F25", "local_disk"), "local disk failing or full", 30, least_h=2, part="nvme"),
    "F26": Kind("node", "GPU-HW", "S2", .030, "gpu", ("DRAIN", "TECH", "DIAG", "RMA", "REBOOT"), ("NONE",),  # FF2
                ("F26", "host_mce"), "uncorrectable host memory error", 35, least_h=1, part="dimm"),
    "F27": Kind("node", "GPU-HW", "S2", .050, "node", ("REBOOT", "DRAIN", "DIAG"), ("RMA",),  # ours
                ("F27", "kernel_panic", "unknown"), "kernel panic or hang", 4, least_h=.5),
    "F28": Kind("node", "SCHED", "S3", 1.0, "node", ("SCHED", "REBOOT", "DIAG", "DRAIN"), ("RMA", "TECH"),  # ours
                ("F28", "prolog_fail"), "prolog or epilog failed, kill task failed", 3, least_h=.75, most_h=48, accelerates=.6),
    "F29": Kind("partition", "SCHED", "S2", 1.0, "cluster_quarter", ("SCHED", "HOLD"), HARM_SOFT,  # ours
                ("F29", "scheduler_misconfig"), "scheduler change keeps jobs from starting", 6, least_h=2, most_h=30,
                accelerates=.35, out=False),
    "F30": Kind("user", "USER", "S3", .15, "cluster_month", ("NOTIFY", "NONE"), (*HARM_SOFT, "DRAIN"),  # ours
                ("F30", "oom"), "one user's jobs run out of memory again and again", 5, least_h=3, most_h=12,
                accelerates=.5, out=False),
    "F31": Kind("gpu", "GPU-HW", "S3", .020, "gpu", ("DRAIN", "DIAG", "RMA"), (),  # ours; STRAG 1.7 %
                ("F31", "straggler"), "one GPU computes slower than the others", 20, least_h=4, most_h=120, out=False),
    "F32": Kind("node", "GPU-HW", "S2", .0068, "gpu", ("DRAIN", "DIAG", "RMA"), ("NONE", "NOTIFY"),  # L3 6
                ("F32", "silent_data_corruption"), "silent data corruption on one node", 72, least_h=24, out=False,
                part="gpu"),
    "F33": Kind("run", "USER", "S4", .25, "run_month", ("NOTIFY", "NONE"), (*HARM_SOFT, "DRAIN"),  # ours; PaLM ~20/run
                ("F33", "loss_divergence"), "loss spike or divergence from optimiser or batches", 3, least_h=1.5,
                most_h=10, accelerates=.4, out=False),
    "F34": Kind("run", "USER", "S3", .008, "gpu", ("NOTIFY", "RESTART_APP", "DRAIN", "DIAG"), ("RMA",),  # L3 7
                ("F34", "nccl_hang"), "collective hangs", .7, least_h=.6, most_h=3, out=False),
    "F35": Kind("run", "STORAGE", "S3", .08, "run_week", ("STORAGE", "NOTIFY"), HARM_SOFT,  # ours
                ("F35", "checkpoint_stall"), "checkpoints take far longer than usual", 8, least_h=4, most_h=24,
                accelerates=.4, out=False),
    "F36": Kind("driver", "PLATFORM", "S2", 1.0, "half_year", ("HOLD",), ("RMA", "TECH", "RESET_GPU"),  # ours
                ("F36", "driver_regression"), "new driver raises one XID class", 72, least_h=48, most_h=120,
                accelerates=.5, out=False),
    "F37": Kind("node", "GPU-HW", "S3", .012, "lemon", ("DRAIN", "DIAG", "RMA", "TECH", "ESCALATE"), ("NONE",),  # RSC
                ("F37", "lemon_node"), "node fails in many small unrelated ways", 300, least_h=200, most_h=800,
                accelerates=.0, out=False),
    "F38": Kind("node", "PLATFORM", "S4", .015, "node_month", ("PLATFORM",), (*HARM_POWER, "TECH"),  # ours
                ("F38", "telemetry_loss"), "telemetry lost while the node works on", 2, least_h=.75, most_h=12,
                accelerates=.3, out=False),
}  # fmt: skip
"""Failure modes by id."""

NODE_KINDS = tuple(k for k, v in KINDS.items() if v.basis in ("gpu", "node"))
"""Modes that strike a node or a thing inside it: those that node proneness, batch and position act on."""

EXPECTED = {
    "F1": "DRAIN", "F2": "RESET_GPU", "F3": "DRAIN", "F4": "RMA", "F5": "DIAG", "F6": "RESET_GPU", "F7": "RESET_GPU",
    "F8": "RESET_GPU", "F9": "DRAIN", "F10": "TECH", "F11": "REBOOT", "F12": "TECH", "F13": "TECH", "F14": "FAC",
    "F15": "FAC", "F16": "TECH", "F17": "TECH", "F18": "FAC", "F19": "FAC", "F20": "NETOPS", "F21": "NETOPS",
    "F22": "TECH", "F23": "NETOPS", "F24": "STORAGE", "F25": "TECH", "F26": "DRAIN", "F27": "REBOOT", "F28": "SCHED",
    "F29": "SCHED", "F30": "NOTIFY", "F31": "DRAIN", "F32": "DRAIN", "F33": "NOTIFY", "F34": "NOTIFY",
    "F35": "STORAGE", "F36": "HOLD", "F37": "DIAG", "F38": "PLATFORM",
}  # fmt: skip
"""The best single action of each mode."""
