"""Blocks as wiki markup or plain text, for Jira Data Center's API v2.

Every character that wiki markup acts on is escaped, so that a sensor named `[~admin]` mentions nobody.
"""

import re
from collections.abc import Sequence

from llo11ypop.channels.blocks import Block, Bullets, Code, Grid, Heading, Link, Paragraph

_ACTIVE = re.compile(r"([\\{}\[\]|*_+^~?!#@&<>-])")
_SCHEME = re.compile(r"(?i)\b(https?|ftp|file|mailto|smb|javascript)(:)")


def escaped(text: str) -> str:
    """Text that wiki markup shows as it is."""
    plain = _ACTIVE.sub(r"\\\1", text)
    return _SCHEME.sub(r"\1\\\2", plain)


def wiki(blocks: Sequence[Block]) -> str:
    """The whole body as wiki markup."""
    return "\n\n".join(_wiki(block) for block in blocks)


def _wiki(block: Block) -> str:
    match block:
        case Heading(text):
            return f"h3. {escaped(text)}"
        case Paragraph(text):
            return _line(text)
        case Bullets(items):
            return "\n".join(f"* {escaped(item)}" for item in items)
        case Grid(header, rows):
            lines = ["||" + "||".join(escaped(h) or " " for h in header) + "||"] if header else []
            for row in rows:
                first = "|" if header else "||"
                lines.append(first + "|".join(escaped(cell) or " " for cell in row) + "|")
            return "\n".join(lines)
        case Code(text):
            return "{noformat}\n" + text.replace("{noformat}", "{ noformat }") + "\n{noformat}"
        case Link(text, href):
            return f"[{escaped(text)}|{href}]"


def _line(text: str) -> str:
    """A line must not begin like a heading or a quote."""
    return escaped(re.sub(r"^(h\d|bq)\.", r"\1 .", text))


def plain(blocks: Sequence[Block]) -> str:
    """The whole body as text."""
    return "\n\n".join(_plain(block) for block in blocks)


def _plain(block: Block) -> str:
    match block:
        case Heading(text):
            return text.upper()
        case Paragraph(text) | Code(text):
            return text
        case Bullets(items):
            return "\n".join(f"- {item}" for item in items)
        case Grid(header, rows):
            return _columns([header, *rows] if header else list(rows))
        case Link(text, href):
            return f"{text}: {href}"


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[n]) for row in rows if n < len(row)) for n in range(max(map(len, rows), default=0))]
    return "\n".join("  ".join(cell.ljust(widths[n]) for n, cell in enumerate(row)).rstrip() for row in rows)
