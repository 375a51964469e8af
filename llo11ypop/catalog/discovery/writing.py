"""An alias table as the YAML that the loader reads: one line per name, the same text for the same table."""

from typing import Any

import yaml

from llo11ypop.catalog.models import AliasTable

HEAD = "# Read from the folder that telemetry.aliases names. What is unmapped is here for people to read.\n"


def as_yaml(table: AliasTable) -> str:
    """The whole file."""
    lines = [f"source: {_flow(table.source)}", f"description: {_flow(table.description)}"]
    parts: dict[str, dict[str, Any]] = {
        "indices": dict(table.indices),
        "series": {name: one.model_dump(exclude_defaults=True) for name, one in table.series.items()},
        "runtime": {
            name: {field: made.model_dump(mode="json", exclude_defaults=True) for field, made in fields.items()}
            for name, fields in table.runtime.items()
        },
        "names": {name: [f.model_dump(exclude_defaults=True) for f in found] for name, found in table.names.items()},
        "unmapped": dict(table.unmapped),
    }
    for part, entries in parts.items():
        if entries or part == "names":
            lines.append(f"{part}:" if entries else f"{part}: {{}}")
            lines += [f"  {name}: {_flow(value)}" for name, value in entries.items()]
    return HEAD + "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True)
    return text.removesuffix("...\n").strip()
