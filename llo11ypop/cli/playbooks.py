"""`llo11ypop playbooks`: check what a site wrote, and list how things fail."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from llo11ypop.playbooks import PlaybookSet

app = typer.Typer(no_args_is_help=True, help="Check and list how things fail.")


@app.command()
def check(
    directory: Annotated[Path | None, typer.Argument(help="Folder with playbook files; the configured one when absent.")] = None,
) -> None:
    """Hold every playbook against the catalog, the goals and the other playbooks; the first mistake is shown as file:line."""
    book = _load(directory)
    signals = sum(len(p.signals) for p in book.values())
    kinds = Counter(p.kind for p in book.values())
    print(f"{kinds['fault']} failure modes and {kinds['benign']} harmless look-alikes with {signals} signals: all good")


@app.command("list")
def list_(
    directory: Annotated[Path | None, typer.Argument(help="Folder with playbook files; the configured one when absent.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the playbooks: mode, level, queue, severity, first action, title."""
    views = [_view(p) for p in _load(directory).values()]
    views.sort(key=lambda v: (v["kind"] != "fault", len(v["id"]), v["id"]))
    print(json.dumps(views, ensure_ascii=False, indent=2) if as_json else table(views))


def table(views: list[dict[str, Any]]) -> str:
    """Aligned columns."""
    rows = [("MODE", "LEVEL", "QUEUE", "SEVERITY", "ACTION", "TITLE")]
    for view in views:
        action = view["actions"][0]["name"] if view["actions"] else "–"
        rows.append((view["id"], ", ".join(view["levels"]), view["queue"], view["severity"], action, view["title"]))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return "\n".join("  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[5]]) for row in rows)


def _load(directory: Path | None) -> "PlaybookSet":
    from llo11ypop.catalog import load_catalog
    from llo11ypop.playbooks import load_playbooks
    from llo11ypop.settings import load_settings

    config_dir = load_settings().config_dir
    return load_playbooks(config_dir, load_catalog(config_dir), directory)


def _view(playbook: Any) -> dict[str, Any]:
    return {
        "id": playbook.id,
        "title": playbook.title,
        "kind": playbook.kind,
        "area": playbook.area.value,
        "levels": [level.value for level in playbook.entity],
        "severity": playbook.severity.value,
        "queue": playbook.queue.value,
        "signals": list(playbook.signals),
        "actions": [{"name": a.name.value, "prior": a.prior} for a in sorted(playbook.actions, key=lambda a: -a.prior)],
        "forbidden": [a.value for a in playbook.forbidden],
        "explains": sorted({mode for rule in playbook.explains for mode in rule.modes}),
        "goal": playbook.goal,
        "source": playbook.source,
    }
