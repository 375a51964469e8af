"""The XID table: what the vendor says of each code, where sources disagree, and the class our playbooks use.

A playbook writes `code in ${xid.off_bus}` and the loader puts the codes of that class there, so that no playbook repeats them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import Field, model_validator

from llo11ypop.core.errors import ConfigError, UnknownNameError
from llo11ypop.core.located import load_located, validate
from llo11ypop.query.plan import Strict

_MACRO = re.compile(r"\$\{(xid|sxid)\.([a-z0-9_]+)\}")


class Code(Strict):
    """One XID or SXID. Empty actions: the catalogue says nothing; shown as 'unmapped', never as severe."""

    code: int
    mnemonic: str = ""
    description: str
    immediate: str = ""
    investigatory: str = ""
    nvsentinel_fatal: bool | None = None
    """What the NVSentinel chart treats as fatal; none where the chart does not list it."""
    kind: str = Field(pattern=r"^[a-z0-9_]+$")
    """Our class."""
    conflict: str = ""
    """Where sources disagree; shown with the code."""


class _Table(Strict):
    source: str
    classes: dict[str, str]
    xid: tuple[Code, ...]
    sxid: tuple[Code, ...]

    @model_validator(mode="after")
    def _consistent(self) -> "_Table":
        for codes in (self.xid, self.sxid):
            seen: set[int] = set()
            for entry in codes:
                if entry.kind not in self.classes:
                    raise ValueError(f"code {entry.code}: class '{entry.kind}' is not described under 'classes'")
                if entry.code in seen:
                    raise ValueError(f"code {entry.code} is listed twice")
                seen.add(entry.code)
        return self


@dataclass(frozen=True, slots=True)
class XidTable:
    """All codes by number, and the classes built from them."""

    xid: Mapping[int, Code]
    sxid: Mapping[int, Code]
    classes: Mapping[str, str]

    def codes(self, family: str, name: str) -> tuple[int, ...]:
        """Codes of a class, or of `fatal`: those in use that the NVSentinel chart calls fatal and the catalogue describes."""
        table = self.xid if family == "xid" else self.sxid
        if name == "fatal":
            return tuple(c.code for c in table.values() if c.nvsentinel_fatal and c.kind not in ("unused", "unmapped"))
        return tuple(c.code for c in table.values() if c.kind == name)

    def expand(self, text: str, source: str) -> str:
        """Put code lists in place of `${xid.CLASS}`; lines stay where they are. Raises ConfigError with file and line."""

        def codes(found: re.Match[str]) -> str:
            family, name = found.groups()
            listed = self.codes(family, name)
            if not listed:
                where = f"{source}:{text.count(chr(10), 0, found.start()) + 1}"
                raise UnknownNameError(f"{family} class", name, [*self.classes, "fatal"], where=where)
            return f"({', '.join(str(code) for code in listed)})"

        return _MACRO.sub(codes, text)


def load_xid_table(config_dir: Path) -> XidTable:
    """Read `xid.yaml` of a configuration directory. Raises ConfigError with file and line."""
    path = config_dir / "xid.yaml"
    if not path.is_file():
        raise ConfigError(f"{path}: the XID table is missing")
    return _parsed(path.read_text(encoding="utf-8"), str(path))


@lru_cache(maxsize=4)
def _parsed(text: str, source: str) -> XidTable:
    """Goals and playbooks both need the table, and 180 lines of YAML take a quarter of a second."""
    table = validate(_Table, load_located(text, source))
    return XidTable({c.code: c for c in table.xid}, {c.code: c for c in table.sxid}, table.classes)
