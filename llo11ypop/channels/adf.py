"""Blocks as an Atlassian document (ADF version 1), which Jira Cloud's API v3 wants, and the text of such a document."""

from collections.abc import Mapping, Sequence
from typing import Any

from llo11ypop.channels.blocks import Block, Bullets, Code, Grid, Heading, Link, Paragraph

Node = dict[str, Any]
_BLOCKS = frozenset({"paragraph", "heading", "codeBlock", "listItem", "tableRow", "blockquote", "rule", "mediaSingle"})


def document(blocks: Sequence[Block]) -> Node:
    """The whole body."""
    return {"version": 1, "type": "doc", "content": [_node(block) for block in blocks]}


def _node(block: Block) -> Node:
    match block:
        case Heading(text):
            return {"type": "heading", "attrs": {"level": 3}, "content": _text(text)}
        case Paragraph(text):
            return _paragraph(text)
        case Bullets(items):
            return {"type": "bulletList", "content": [{"type": "listItem", "content": [_paragraph(i)]} for i in items]}
        case Grid(header, rows):
            return _table(header, rows)
        case Code(text):
            return {"type": "codeBlock", "attrs": {}, "content": _text(text)}
        case Link(text, href):
            mark = {"type": "link", "attrs": {"href": href}}
            return {"type": "paragraph", "content": [{"type": "text", "text": text, "marks": [mark]}]}


def _text(text: str) -> list[Node]:
    """A text node must not be empty."""
    return [{"type": "text", "text": text}] if text else []


def _paragraph(text: str) -> Node:
    return {"type": "paragraph", "content": _text(text)}


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Node:
    lines = [[_cell("tableHeader", name) for name in header]] if header else []
    for row in rows:
        first = "tableCell" if header else "tableHeader"
        lines.append([_cell(first if n == 0 else "tableCell", said) for n, said in enumerate(row)])
    return {"type": "table", "content": [{"type": "tableRow", "content": cells} for cells in lines]}


def _cell(kind: str, text: str) -> Node:
    return {"type": kind, "attrs": {}, "content": [_paragraph(text)]}


def text_of(body: object) -> str:
    """The words of a document (or of plain text, which API v2 and webhooks send), a line per block."""
    if isinstance(body, str):
        return body
    if not isinstance(body, Mapping):
        return ""
    kind = body.get("type")
    if kind == "text":
        return str(body.get("text", ""))
    if kind == "hardBreak":
        return "\n"
    inner = body.get("content")
    parts = [text_of(part) for part in inner] if isinstance(inner, list) else []
    return "".join(parts) + ("\n" if kind in _BLOCKS else "")
