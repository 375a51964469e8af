"""`llo11ypop autonomy`: what may run without a human (nothing yet), and the evidence so far."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llo11ypop.core.vocabulary import Action

if TYPE_CHECKING:
    from llo11ypop.learning.autonomy import Autonomy, TrackRecord

app = typer.Typer(help="Show what may run without a human, and why.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False) -> None:
    """Print the level of every action that people answered, with the evidence so far."""
    gate, records = asyncio.run(_evidence())
    if as_json:
        print(json.dumps([_json(gate, r) for r in records], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    from llo11ypop.learning.autonomy import CLOSED

    console = Console()
    console.print(f"level: {gate.config.level} — {CLOSED}")
    if not records:
        console.print("no answers yet")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("action", "cluster", "approved", "edited", "rejected", "bound", "effective", "bound", "lacks"):
        table.add_column(name)
    for r in records:
        counts = (str(r.approved), str(r.edited), str(r.rejected), f"{r.approval_bound:.2f}")
        effect = (f"{r.effective}/{r.measured}", f"{r.effect_bound:.2f}")
        table.add_row(r.action.value, r.cluster, *counts, *effect, ", ".join(r.lacks(gate.config.promotion)))
    console.print(table)


@app.command()
def grant(action: Action, cluster: str) -> None:
    """Refused in this version, with the reason."""
    _gate().grant(action, cluster)


@app.command()
def revoke(action: Action, cluster: str) -> None:
    """Refused in this version: nothing is granted."""
    _gate().revoke(action, cluster)


def _gate() -> "Autonomy":
    from llo11ypop.learning.autonomy import Autonomy
    from llo11ypop.settings import load_settings

    return Autonomy.load(load_settings().config_dir)


async def _evidence() -> "tuple[Autonomy, list[TrackRecord]]":
    from llo11ypop.daemon import compose
    from llo11ypop.learning.autonomy import track_records
    from llo11ypop.settings import load_settings

    gate = _gate()
    ledger = compose.open_ledger(load_settings())
    try:
        return gate, track_records(await ledger.feedback())
    finally:
        await ledger.close()


def _json(gate: "Autonomy", record: "TrackRecord") -> dict[str, Any]:
    allowed = gate.allowed(record.action, record.cluster)
    return {
        "action": record.action.value,
        "cluster": record.cluster,
        "level": allowed.level.value,
        "reason": allowed.reason,
        "approved": record.approved,
        "edited": record.edited,
        "rejected": record.rejected,
        "approval_bound": round(record.approval_bound, 4),
        "effective": record.effective,
        "measured": record.measured,
        "effect_bound": round(record.effect_bound, 4),
        "raters": len(record.raters),
        "span_days": record.span.days,
        "lacks": record.lacks(gate.config.promotion),
    }
