"""Log lines shaped like the real ones: NVRM XIDs, NVSwitch SXIDs, kernel and BMC messages.

Shapes are those of published kernel logs (leptonai/gpud test data) and of the NVIDIA XID catalogue 2025-10-29.
"""

from typing import Final

import numpy as np

UNKNOWN_PID: Final = "'<unknown>'"
UNKNOWN_NAME: Final = "<unknown>"
PROCESSES: Final = ("python3", "pt_main_thread", "ray::WorkerDict", "torchrun", "megatron_train", "nvidia-smi")

OFF_BUS: Final = "GPU has fallen off the bus."
ROW_REMAP: Final = "Row Remapper: New row marked for remapping, reset gpu to activate."
ROW_REMAP_FAILED: Final = "Row Remapper: Failed to remap row: All reserved rows for bank are remapped"
CONTAINED: Final = "Contained: CE User Channel (0x9). RST: No, D-RST: No"
UNCONTAINED: Final = "Uncontained: LTC TAG (0x2,0x0). RST: Yes, D-RST: No"
PREEMPTIVE: Final = "Ch 00000008"


def xid_line(pci: str, code: int, message: str, pid: str, process: str) -> str:
    """One `NVRM: Xid` line without its time stamp."""
    return f"NVRM: Xid (PCI:{pci}): {code}, pid={pid}, name={process}, {message}"


def sxid_line(switch: int, pci: str, code: int, message: str, severity: str) -> str:
    """One `nvidia-nvswitch` line without its time stamp."""
    return f"nvidia-nvswitch{switch}: SXid (PCI:{pci}): {code}, {severity}, {message}"


def gsp_timeout(slot: int, rng: np.random.Generator) -> str:
    """The message of XID 119."""
    call = ("103 (GSP_RM_ALLOC) (0x2081 0x4)", "76 (GSP_RM_CONTROL) (0x20802a02 0x0)", "78 (DUMP_PROTOBUF) (0x0 0x0)")
    wanted = call[int(rng.integers(len(call)))]
    return f"Timeout after 6s of waiting for RPC response from GPU{slot} GSP! Expected function {wanted}."


def double_bit(rng: np.random.Generator) -> str:
    """The message of XID 48."""
    return f"DBE (double bit error) ECC Error at (partition {rng.integers(0, 5)}, subpartition {rng.integers(0, 2)})"


def sram(rng: np.random.Generator) -> str:
    """The message of XID 140 or 172."""
    return f"Unrecovered SRAM ECC error in SM, GPC {rng.integers(0, 8)} TPC {rng.integers(0, 9)}"


def mmu_fault(rng: np.random.Generator) -> str:
    """The message of XID 31."""
    engine = ("GRAPHICS", "CE0", "CE2")[int(rng.integers(3))]
    return (
        f"Ch {int(rng.integers(1, 64)):08x}, intr 10000000. MMU Fault: ENGINE {engine} GPCCLIENT_T1_{rng.integers(0, 8)}"
        f" faulted @ 0x7f{int(rng.integers(16**6)):06x}_{int(rng.integers(16**5)):05x}000."
        " Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_READ"
    )


def warp_exception(gpc: int, tpc: int, sm: int) -> str:
    """The message of XID 13."""
    return f"Graphics SM Warp Exception on (GPC {gpc}, TPC {tpc}, SM {sm}): Out Of Range Address"


def nvlink_legacy(link: int, rng: np.random.Generator) -> str:
    """The message of XID 74 (up to Hopper)."""
    registers = ", ".join(f"0x{int(rng.integers(2**31)):08x}" for _ in range(7))
    return f"NVLink: fatal error detected on link {link}({registers})"


def nvlink5(code: int, link: int, severity: str) -> str:
    """The message of XID 145 or 149 (from Blackwell on)."""
    unit = {145: "RLW_RXPIPE", 149: "NETIR_LINK_DOWN"}[code]
    return f"{unit} {severity} XC0 i0 Link {link:02d} (0x00000004 0x00000000 0x00000000 0x80000000)"


def recovery(to: int) -> str:
    """The message of XID 154."""
    names = {1: "GPU Reset Required", 2: "Node Reboot Required", 4: "Drain and Reset"}
    return f"GPU recovery action changed from 0x0 (None) to {to:#x} ({names[to]})"


def aer(pci: str, rng: np.random.Generator) -> str:
    """A PCIe advanced error report."""
    kind = ("Uncorrected (Fatal)", "Corrected")[int(rng.random() < 0.4)]
    return f"pcieport {pci}.0: AER: {kind} error received: {pci}.0 (Data Link Layer)"


def mce(rng: np.random.Generator) -> str:
    """A machine check of a memory controller."""
    bank = int(rng.integers(7, 20))
    return f"mce: [Hardware Error]: CPU {rng.integers(0, 96)}: Machine Check Exception: 5 Bank {bank}: be00000000800400"
