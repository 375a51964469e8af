"""YAML that remembers its lines, so that a mistake is reported as `file:line: what is wrong`.

Parsing only: the caller reads the file. Every configuration file of the project goes through `load_located` and `validate`.
"""

import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from llo11ypop.core.errors import ConfigError

M = TypeVar("M", bound=BaseModel)
REMEMBERED = 512
"""Documents that are kept as read: the shipped configuration has some 230, and a start reads most of them more than once."""


@dataclass(frozen=True)
class Located:
    """Plain YAML data and the line on which each of its nodes stands."""

    value: Any
    source: str
    lines: dict[tuple[str | int, ...], int]

    def line_of(self, path: Sequence[str | int]) -> int:
        """The line of the node at `path`, or of its nearest ancestor that exists; 1 for the document."""
        for length in range(len(path), -1, -1):
            if tuple(path[:length]) in self.lines:
                return self.lines[tuple(path[:length])]
        return 1

    def error(self, message: str, path: Sequence[str | int] = ()) -> ConfigError:
        """A ConfigError that begins with `source:line:`."""
        return ConfigError(f"{self.source}:{self.line_of(path)}: {message}")

    def at(self, *path: str | int) -> "Located":
        """The sub-document at `path`, with its own lines."""
        value = self.value
        for key in path:
            value = value[key]
        depth = len(path)
        lines = {p[depth:]: n for p, n in self.lines.items() if p[:depth] == path}
        return Located(value, self.source, lines)


class _Loader(yaml.SafeLoader):
    """Safe loading without aliases: they can loop for ever or blow a small file up to gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed here", mark)
        return super().compose_node(parent, index)


class _QuickLoader(getattr(yaml, "CSafeLoader", _Loader)):  # type: ignore[misc]
    """The same by libyaml where PyYAML has it, five times as fast. Only for text without aliases and without mistakes."""


for _loader in (_Loader, _QuickLoader):
    _loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
"""Only `true` and `false` are booleans, as in YAML 1.2: `on:` is a key of joins, `no` may be a name."""


def _is_plain(text: str) -> bool:
    """Whether libyaml takes it and it has no aliases; what it does not take is explained better by the other loader."""
    try:
        return not any(isinstance(e, yaml.AliasEvent) for e in yaml.parse(text, Loader=_QuickLoader))
    except yaml.YAMLError:
        return False


def load_located(text: str, source: str) -> Located:
    """Parse one YAML document. Raises ConfigError with file and line for bad YAML and for duplicate keys."""
    value, lines = _parsed(text, source)
    return Located(deepcopy(value), source, lines)


@lru_cache(maxsize=REMEMBERED)
def _parsed(text: str, source: str) -> tuple[Any, dict[tuple[str | int, ...], int]]:
    loader = (_QuickLoader if _is_plain(text) else _Loader)(text)
    try:
        root = loader.get_single_node()
        lines: dict[tuple[str | int, ...], int] = {}
        value = None
        if root is not None:
            _walk(root, (), lines, source)
            value = loader.construct_document(root)
    except yaml.MarkedYAMLError as bad:
        mark = bad.problem_mark or bad.context_mark
        raise ConfigError(f"{source}:{mark.line + 1 if mark else 1}: {bad.problem or 'not valid YAML'}") from bad
    except yaml.YAMLError as bad:
        raise ConfigError(f"{source}:1: not valid YAML: {bad}") from bad
    finally:
        loader.dispose()
    return value, lines


def _walk(node: yaml.Node, path: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int], source: str) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            step = (*path, key.value)
            if step in lines:
                raise ConfigError(f"{source}:{key.start_mark.line + 1}: '{key.value}' is given twice")
            lines[step] = key.start_mark.line + 1
            _walk(child, step, lines, source)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _walk(child, (*path, index), lines, source)


def validate(model: type[M], located: Located) -> M:
    """Check a document against a pydantic model. Raises ConfigError naming file, line and field of one mistake.

    An unknown field comes first: it is the misspelt name of the one that is missing.
    """
    if not isinstance(located.value, dict):
        raise located.error(f"expected a mapping, found {type(located.value).__name__}")
    try:
        return model.model_validate(located.value)
    except ValidationError as bad:
        first = min(bad.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
        where = tuple(p for p in first["loc"] if not isinstance(p, str) or not p.startswith("function-"))
        name = ".".join(str(p) for p in where)
        more = f" (and {bad.error_count() - 1} more)" if bad.error_count() > 1 else ""
        message = first["msg"].removeprefix("Value error, ")
        raise located.error(f"{name}: {message}{more}" if name else f"{message}{more}", where) from bad
