"""What a trace's descriptions mean: planned work or a fault, and which mode's telemetry shows it.

Read by words, not by the exact texts of one file. The assignment is our reading of what DCGM, Redfish, the
fabric and Slurm show for the descriptions of the InfiniteHBD trace.
"""

import re
from enum import StrEnum

from llo11ypop.simulator.trace_format import FaultKind


class Symptom(StrEnum):
    """How a fault of the trace shows in telemetry."""

    PLANNED = "planned"
    """Planned or administrative work: a maintenance window, never a ticket."""
    UNKNOWN = "unknown"
    """The node is unreachable and nothing says why."""
    DBE = "dbe"
    SBE = "sbe"
    XID = "xid"
    GPU_LOST = "gpu_lost"
    GPU_HUNG = "gpu_hung"
    PCIE_WIDTH = "pcie_width"
    GPU_HOT = "gpu_hot"
    NVLINK_SLOW = "nvlink_slow"
    SILENT_CORRUPTION = "silent_corruption"
    LINK_DOWN = "link_down"
    NIC_GID = "nic_gid"
    NIC_LOST = "nic_lost"
    NIC_SLOW = "nic_slow"
    NIC_WIDTH = "nic_width"
    FAN = "fan"
    PSU = "psu"
    FILESYSTEM = "filesystem"
    PANIC = "panic"
    KUBELET = "kubelet"


MODES: dict[Symptom, frozenset[str]] = {
    Symptom.UNKNOWN: frozenset({"UNKNOWN"}),
    Symptom.DBE: frozenset({"F2", "F3", "F4", "F6"}),
    Symptom.SBE: frozenset({"F5"}),
    Symptom.XID: frozenset({"F1", "F2", "F3", "F6", "F7", "F8", "F9", "UNKNOWN"}),
    Symptom.GPU_LOST: frozenset({"F1", "F12"}),
    Symptom.GPU_HUNG: frozenset({"F11", "F7"}),
    Symptom.PCIE_WIDTH: frozenset({"F10"}),
    Symptom.GPU_HOT: frozenset({"F13"}),
    Symptom.NVLINK_SLOW: frozenset({"F8", "F31"}),
    Symptom.SILENT_CORRUPTION: frozenset({"F32", "F33"}),
    Symptom.LINK_DOWN: frozenset({"F20", "F21", "F22"}),
    Symptom.NIC_GID: frozenset({"F22"}),
    Symptom.NIC_LOST: frozenset({"F22", "F20"}),
    Symptom.NIC_SLOW: frozenset({"F22", "F20"}),
    Symptom.NIC_WIDTH: frozenset({"F22"}),
    Symptom.FAN: frozenset({"F16"}),
    Symptom.PSU: frozenset({"F17", "F18"}),
    Symptom.FILESYSTEM: frozenset({"F25"}),
    Symptom.PANIC: frozenset({"F27"}),
    Symptom.KUBELET: frozenset({"F28", "F38", "UNKNOWN"}),
    Symptom.PLANNED: frozenset(),
}
"""Causes that are right for each; what the scoring of a replay accepts."""

_PLANNED = re.compile(
    r"\b(stress test|troubleshoot\w*|maintenance|(?<!un)planned|taken offline|upgrade|burn.?in|"
    r"decommission\w*|administrative)\b"
)
_PLANNED_CLASS = re.compile(r"\b(tests?|changes?)\b")
"""Words that mean work where they name the class, or open the description."""
_WORDS: tuple[tuple[tuple[str, ...], Symptom], ...] = (
    (("dbe", "double bit"), Symptom.DBE),
    (("sbe", "single bit"), Symptom.SBE),
    (("xid",), Symptom.XID),
    (("smi timeout", "device unknow"), Symptom.GPU_HUNG),
    (("gpu lost", "gpu not found", "gpu missing"), Symptom.GPU_LOST),
    (("p2p", "nvlink"), Symptom.NVLINK_SLOW),
    (("sdc", "silent data"), Symptom.SILENT_CORRUPTION),
    (("gid",), Symptom.NIC_GID),
    (("nic lost", "nic not found"), Symptom.NIC_LOST),
    (("link speed low", "speed low", "rate low"), Symptom.NIC_SLOW),
    (("link down", "cable", "link flap"), Symptom.LINK_DOWN),
    (("power supply", "psu"), Symptom.PSU),
    (("kubelet",), Symptom.KUBELET),
    (("panic",), Symptom.PANIC),
    (("file system", "disk", "fs:"), Symptom.FILESYSTEM),
)


def symptom_of(kind: FaultKind) -> Symptom:
    """What a description means; one that no rule knows reads as UNKNOWN."""
    cls, desc = kind.cls.lower(), kind.desc.lower()
    text = f"{cls} {desc}"
    planned_words = f"{kind.level.lower()} {text}"
    if _PLANNED.search(planned_words) or _PLANNED_CLASS.search(cls) or _PLANNED_CLASS.match(desc):
        return Symptom.PLANNED
    if "link width" in text or "pcie width" in text:
        return Symptom.NIC_WIDTH if "nic" in text else Symptom.PCIE_WIDTH
    if cls.startswith("fan"):
        return Symptom.FAN
    for words, symptom in _WORDS:
        if any(word in text for word in words):
            return symptom
    if "temperature" in desc:
        return Symptom.GPU_HOT
    return Symptom.UNKNOWN
