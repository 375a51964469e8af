"""`llo11ypop evidence ID`: what was asked, what came back, and whether it would come back the same now."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llo11ypop.core.errors import UnknownNameError

if TYPE_CHECKING:
    from llo11ypop.core.evidence import Evidence
    from llo11ypop.settings import Settings

SHOWN_ROWS = 20


def evidence(
    evidence_id: Annotated[str, typer.Argument(metavar="ID", help="The id that a proposal or answer cites.")],
    again: Annotated[bool, typer.Option("--rerun", help="Ask the telemetry again and compare; exit 1 when it differs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Show a piece of evidence, and run its query again."""
    from llo11ypop.query.evidence_json import to_json

    found, repeated = asyncio.run(_read(evidence_id, again=again))
    if as_json:
        shown = to_json(found)
        if repeated is not None:
            shown["rerun"] = {"same": repeated.same, "changes": list(repeated.changes)}
        print(json.dumps(shown, ensure_ascii=False))
    else:
        print(described(found))
        if repeated is not None:
            print("rerun: the same" if repeated.same else "rerun: differs\n  " + "\n  ".join(repeated.changes))
    if repeated is not None and not repeated.same:
        raise typer.Exit(1)


async def _read(evidence_id: str, *, again: bool) -> tuple[Any, Any]:
    from llo11ypop.ask.site import PseudonymStore
    from llo11ypop.daemon.compose import open_catalog, open_store
    from llo11ypop.query.pseudonyms import PSEUDONYMS
    from llo11ypop.query.rerun import rerun
    from llo11ypop.settings import load_settings

    settings = load_settings()
    found = await kept(settings, evidence_id)
    if not again:
        return found, None
    store = open_store(settings)
    if found.note == PSEUDONYMS:
        store = PseudonymStore(store, open_catalog(settings), settings.ask.salt.get_secret_value().encode())
    return found, await rerun(found, store)


async def kept(settings: "Settings", evidence_id: str) -> "Evidence":
    """A piece of evidence out of the ledger. Raises UnknownNameError, LedgerError."""
    from llo11ypop.daemon.compose import open_ledger

    ledger = open_ledger(settings)
    try:
        found = await ledger.evidence(evidence_id)
    finally:
        await ledger.close()
    if found is None:
        raise UnknownNameError("evidence", evidence_id, ())
    return found


def described(found: Any) -> str:
    """Evidence as an operator reads it: status, window, query with its values, the first rows."""
    cut = ", cut off by the limit" if found.truncated else ""
    lines = [
        f"evidence {found.id} as of {found.at:%Y-%m-%dT%H:%M:%SZ}: {found.status}, {found.row_count} rows{cut}",
        f"window {found.window}" if found.window else "window: none",
    ]
    if found.missing:
        lines.append(f"not exported: {', '.join(found.missing)}")
    for query in found.queries:
        lines += [f"{query.engine} {query.dataset}: {query.text}", f"  values: {', '.join(map(str, query.params))}"]
    for row in found.rows.slice(0, SHOWN_ROWS).to_pylist():
        lines.append("  " + "  ".join(f"{name}={value}" for name, value in row.items()))
    if found.row_count > SHOWN_ROWS:
        lines.append(f"  … and {found.row_count - SHOWN_ROWS} more rows")
    return "\n".join(lines)
