"""What people do about a fault: drain, ticket, hands or reset, the part, and back into service.

Delays between fault, drain and ticket are our assumption; repair times come with the placement.
"""

from functools import partial

import numpy as np

from llo11ypop.simulator.incidents.case import DAY, HOUR, MINUTE, Case
from llo11ypop.simulator.shape import Part

PEOPLE = ("sre", "j.okafor", "m.lindgren", "p.sharma", "automation")
TICKETED = 0.6
"""Share of repairs for which people opened a ticket of their own."""
NO_TROUBLE_FOUND = 0.2
"""Share of returned parts in which the vendor finds nothing."""
GPU_PARTS = {"H100": "900-21010-0000", "A100": "900-21001-0020", "B200": "900-2G133-0000"}


def repair(
    case: Case,
    action: str,
    *,
    node: str = "",
    gpu: str = "",
    reason: str,
    state: str = "drained",
    part: str = "",
    swap: float = 1.0,
    notice_s: tuple[float, float] = (8 * MINUTE, 45 * MINUTE),
    not_responding: bool = False,
    by: str = "",
) -> float:
    """Take a node out, remedy it at the end of the case and put it back; returns when it was taken out.

    A mode whose node works on while degraded is taken out only for `out_s` before the end. With a `part`, it is
    replaced with probability `swap`. The driver is reloaded, so the sticky XID gauge and volatile counters start
    again. Call it before writing XIDs, so that they know when they are cleared.
    """
    node = node or case.node
    away = case.t + case.within(*notice_s)
    if case.at.out_s > 0:
        away = max(away, case.end - case.at.out_s)
    away = min(away, case.end - 2 * MINUTE) if case.end - case.t > 4 * MINUTE else case.t
    actor = by or case.one_of(*PEOPLE)
    case.world.node_state(
        node, away, case.end, state, reason=reason, not_responding=not_responding,
        reason_user="slurm" if not_responding else actor,
    )  # fmt: skip
    ticket = case.ticket_id = open_ticket(case, node, away, reason) if case.chance(TICKETED) else ""
    done = max(away, case.end - case.within(4 * MINUTE, 25 * MINUTE))
    for at, what in ((away, "DRAIN"), (done, action), (case.end, "UNDRAIN")):
        remedy(case, node, what, at, gpu=gpu if what == action else "", actor=actor, ticket=ticket)
    if part and case.chance(swap):
        replace_part(case, node, part, done, gpu=gpu, ticket=ticket, why=case.mode)
    case.repaired = True
    if action in ("RESET_GPU", "REBOOT", "RMA"):
        reload_driver(case, [gpu] if gpu and action == "RESET_GPU" else case.gpus(node), case.end)
    return away


def remedy(case: Case, node: str, action: str, at_s: float, *, gpu: str = "", actor: str = "sre", ticket: str = "",
           result: str = "ok") -> None:  # fmt: skip
    """One row of remediations, when it lies inside the world."""
    if 0 <= at_s < case.world.duration_s:
        case.world.remediate(node, at_s, action, gpu_uuid=gpu, result=result, actor=actor, ticket_id=ticket)


def open_ticket(case: Case, node: str, drained_s: float, summary: str, *, queue: str = "GPU-HW") -> str:
    """People's own ticket, some time after the drain; its id, or empty when the world ends first."""
    at = drained_s + case.within(5 * MINUTE, 4 * HOUR)
    if at >= min(case.world.duration_s, case.end):
        return ""
    ticket = f"OPS-{int(case.rng.integers(10_000, 99_999))}"
    spec = case.world.shape.node(node)
    over = case.end < case.world.duration_s
    tech = [t.technician_id for t in case.world.shape.technicians if t.site == spec.site]
    case.world.add(
        "tickets", ts=at, ticket_id=ticket, node_id=node, cluster=spec.cluster, site=spec.site, queue=queue,
        severity=case.one_of("S2", "S3", "S3"), summary=f"{node}: {summary}", first_signal_at=case.t,
        drained_at=drained_s, restored_at=case.end if over else np.nan,
        assignee=case.one_of(*tech) if tech else "", due_at=at + 3 * DAY, cause=summary if over else "",
    )  # fmt: skip
    return ticket


def part_for(case: Case, kind: str, node: str) -> Part | None:
    """A part number of this kind that fits the node; None when the catalogue has none."""
    fits = [p for p in case.world.shape.parts if p.part_type == kind]
    if kind == "gpu":
        model = case.world.shape.node(node).gpu_model
        wanted = next((v for k, v in GPU_PARTS.items() if k in model), "")
        fits = [p for p in fits if p.part_no == wanted] or fits
    return fits[int(case.rng.integers(len(fits)))] if fits else None


def replace_part(case: Case, node: str, kind: str, at_s: float, *, gpu: str = "", ticket: str = "", why: str = "") -> None:
    """One row of parts_replacements: what came out, what went in, and what the vendor said."""
    part = part_for(case, kind, node)
    if part is None or not 0 <= at_s < case.world.duration_s:
        return
    old = case.world.shape.gpu(gpu).serial if kind == "gpu" and gpu else _serial(case, kind)
    new = _serial(case, kind)
    spec = case.world.shape.node(node)
    settled = at_s < case.world.duration_s - 14 * DAY
    case.world.add(
        "parts_replacements", ts=at_s, node_id=node, cluster=spec.cluster, site=spec.site, part_type=kind,
        part_no=part.part_no, old_serial=old, new_serial=new, reason_code=_REASONS.get(why, "hardware"),
        ticket_id=ticket, technician_id=case.one_of(*[t.technician_id for t in case.world.shape.technicians]),
        rma_id=f"RMA-{int(case.rng.integers(10_000, 99_999))}" if kind in ("gpu", "baseboard", "hca", "psu") else "",
        vendor_verdict=("NTF" if case.chance(NO_TROUBLE_FOUND) else "confirmed") if settled else "pending",
    )  # fmt: skip


def reload_driver(case: Case, gpus: list[str], at_s: float) -> None:
    """A reset or reboot: the sticky XID gauge, volatile ECC and pending remaps start again at zero."""
    case.reloaded = True
    grid = case.world.grid("gpu_metrics")
    if grid is None or at_s >= case.world.duration_s:
        return
    rows, after = grid.rows(gpus), grid.span(at_s, np.inf)
    for column in ("xid_last", "remap_pending", "recovery_action"):
        case.last_strokes.append(partial(grid.put, column, rows, after, 0))
    for column in ("ecc_sbe_volatile_total", "ecc_dbe_volatile_total", "pcie_replay_total"):
        case.last_strokes.append(partial(grid.reset, column, rows, at_s))


def _serial(case: Case, kind: str) -> str:
    """A serial number written like the vendors'."""
    return f"{kind[:2].upper()}{int(case.rng.integers(10**9, 10**10))}"


_REASONS = {
    "F1": "off_bus", "F4": "remap_failure", "F5": "hbm_wear", "F9": "nvswitch", "F12": "missing_gpu", "F16": "fan",
    "F17": "psu", "F20": "link", "F22": "hca", "F25": "disk", "F26": "dimm", "F32": "sdc",
}  # fmt: skip
