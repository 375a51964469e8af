"""Read the cases of a folder: `**/case.yaml` and `component/*.yaml`, with a mistake reported as `file:line: what`."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot.errors import SqlglotError

from llo11ypop.core.errors import ConfigError
from llo11ypop.core.located import Located, load_located, validate
from llo11ypop.evals.suite.case import AGENTS, SCENARIO, Case, ComponentCase, Expect

PLACEHOLDERS = ("at", "start", "end")
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
AnyCase = Case | ComponentCase


def load_cases(folder: Path) -> tuple[AnyCase, ...]:
    """Every case below a folder, by path. Raises ConfigError for the first mistake, and for a folder without cases."""
    found, mistakes = read_cases(folder)
    if mistakes:
        raise mistakes[0]
    if not found:
        raise ConfigError(f"no case.yaml below {folder}", next_step="name the folder of the cases with --cases")
    return found


def read_cases(folder: Path) -> tuple[tuple[AnyCase, ...], tuple[ConfigError, ...]]:
    """The cases that are right, and one error for each file or entry that is not."""
    if not folder.is_dir():
        raise ConfigError(f"no folder {folder}", next_step="name the folder of the cases with --cases")
    cases: list[AnyCase] = []
    mistakes: list[ConfigError] = []
    seen: dict[str, str] = {}
    for path in sorted(folder.rglob("*.yaml")):
        if path.name != "case.yaml" and path.parent.name != "component":
            continue
        try:
            located = load_located(path.read_text(encoding="utf-8"), str(path))
        except ConfigError as bad:
            mistakes.append(bad)
            continue
        for read in _readers(path, located):
            try:
                case, where = read()
                if case.fleet.startswith(SCENARIO) and not scenario_path(folder, case.fleet).is_file():
                    raise where.error(f"no scenario {scenario_path(folder, case.fleet)}", ("fleet",))
                if case.id in seen:
                    raise where.error(f"id '{case.id}' is taken by {seen[case.id]}", ("id",))
                seen[case.id] = str(path)
                cases.append(case)
            except ConfigError as bad:
                mistakes.append(bad)
    return tuple(cases), tuple(mistakes)


def scenario_path(folder: Path, fleet: str) -> Path:
    """The file of a scenario fleet: in `scenarios/` of the folder of the cases."""
    return folder / "scenarios" / fleet.removeprefix(SCENARIO)


def _readers(path: Path, located: Located) -> Iterator[Any]:
    if path.name == "case.yaml":
        yield lambda: _case(path, located)
        return
    if path.stem not in AGENTS:
        yield lambda: _refuse(located, f"no agent named '{path.stem}'; component files are called {', '.join(AGENTS)}")
        return
    if not isinstance(located.value, list):
        yield lambda: _refuse(located, "expected a list of cases")
        return
    for index in range(len(located.value)):
        yield lambda index=index: _component(path, located.at(index))


def _refuse(located: Located, message: str) -> tuple[AnyCase, Located]:
    raise located.error(message)


def _case(path: Path, located: Located) -> tuple[AnyCase, Located]:
    case = validate(Case, located)
    if case.id != path.parent.name:
        raise located.error(f"id '{case.id}' is not the folder's name '{path.parent.name}'", ("id",))
    _check_values(case, located)
    for index, turn in enumerate(case.asked):
        at: tuple[str | int, ...] = ("turns", index, "expect") if case.turns else ("expect",)
        _check_expect(turn.expect, case, located, at)
        _check_text(turn.question, case, located, ("turns", index, "question") if case.turns else ("question",))
    for index, text in enumerate(case.paraphrases):
        _check_text(text, case, located, ("paraphrases", index))
    return case, located


def _component(path: Path, located: Located) -> tuple[AnyCase, Located]:
    if not isinstance(located.value, dict):
        raise located.error("expected a case with id, input and expect")
    named = Located({"agent": path.stem, **located.value}, located.source, located.lines)
    case = validate(ComponentCase, named)
    _check_values(case, located)
    if isinstance(sql := case.expect.get("sql"), str):
        _check_sql(sql, case, located, ("expect", "sql"))
    return case, located


def _check_values(case: AnyCase, located: Located) -> None:
    for name, sql in case.values.items():
        if name in PLACEHOLDERS:
            raise located.error(f"'{name}' is already a placeholder", ("values", name))
        _check_sql(sql, case, located, ("values", name))


def _check_expect(expect: Expect, case: AnyCase, located: Located, at: tuple[str | int, ...]) -> None:
    if expect.sql:
        _check_sql(expect.sql, case, located, (*at, "sql"))
    for index, sql in enumerate(expect.accept):
        _check_sql(sql, case, located, (*at, "accept", index))
    if expect.fact and expect.fact.sql:
        _check_sql(expect.fact.sql, case, located, (*at, "fact", "sql"))
    for name in ("mentions", "forbidden"):
        for index, text in enumerate(getattr(expect, name)):
            _check_text(text, case, located, (*at, name, index))


def _check_text(text: str, case: AnyCase, located: Located, at: Sequence[str | int]) -> None:
    unknown = [n for n in _PLACEHOLDER.findall(text) if n not in case.values and n not in PLACEHOLDERS]
    if unknown:
        raise located.error(f"{{{unknown[0]}}} is not one of the case's values", at)


def _check_sql(sql: str, case: AnyCase, located: Located, at: Sequence[str | int]) -> None:
    _check_text(sql, case, located, at)
    try:
        parsed = sqlglot.parse(fill(sql, dict.fromkeys(_PLACEHOLDER.findall(sql), "x")), read="duckdb")
    except SqlglotError as bad:
        raise located.error(f"not SQL: {str(bad).splitlines()[0]}", at) from bad
    if len([p for p in parsed if p is not None]) != 1:
        raise located.error("expected one SQL statement", at)


def fill(text: str, values: dict[str, str]) -> str:
    """Put values into `{name}` placeholders; other braces stay as they are."""
    return _PLACEHOLDER.sub(lambda m: values.get(m[1], m[0]), text)
