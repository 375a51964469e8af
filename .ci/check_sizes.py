"""Refuse modules over 400 lines and functions over 60 (CONTRIBUTING.md says why).

A function's lines are its own: a function nested in it is counted by itself, so that the wiring of a graph,
which is a function full of small nodes, is measured by the wiring.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES = 400
FUNCTION_LINES = 60
FOLDERS = ("llo11ypop", "graphs")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def lines_of(node: Function) -> int:
    """Lines from `def` to the end, with those of the functions nested in it."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def nested(node: ast.AST) -> Iterator[Function]:
    """The outermost functions below a node."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield child
        else:
            yield from nested(child)


def too_long(path: Path) -> Iterator[str]:
    """One line per limit that a module breaks, in the form editors can jump to."""
    source = path.read_text(encoding="utf-8")
    length = len(source.splitlines())
    if length > MODULE_LINES:
        yield f"{path}:1: module of {length} lines, at most {MODULE_LINES}: give an idea its own file"
    for node in ast.walk(ast.parse(source, filename=str(path))):
        if isinstance(node, Function):
            own = lines_of(node) - sum(lines_of(inner) for inner in nested(node))
            if own > FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name} has {own} lines, at most {FUNCTION_LINES}"


def main() -> int:
    """Print what is too long; 1 when anything is."""
    paths = sorted(path for folder in FOLDERS for path in Path(folder).rglob("*.py"))
    problems = [problem for path in paths for problem in too_long(path)]
    print("\n".join(problems) if problems else f"sizes: {len(paths)} modules within the limits")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
