"""Read `config/playbooks/*.yaml`; every mistake is `file:line: what is wrong`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from llo11ypop.catalog import Catalog
from llo11ypop.core.errors import ConfigError, Llo11yPopError, UnknownNameError
from llo11ypop.core.located import Located, load_located, validate
from llo11ypop.core.vocabulary import Level
from llo11ypop.playbooks.book import PlaybookSet, Sign
from llo11ypop.playbooks.goals import goal_ids
from llo11ypop.playbooks.model import COMMON, CommonSignals, Explains, Playbook
from llo11ypop.playbooks.signals import Signal, plan_of
from llo11ypop.playbooks.text import names_in
from llo11ypop.playbooks.xid import XidTable, load_xid_table
from llo11ypop.query.check import check
from llo11ypop.query.kinds import Kind, Schema

_LEVELS = {level.value for level in Level}
_LOOKUPS = _LEVELS | {"entity", "nodes"}


@dataclass(frozen=True, slots=True)
class _File:
    """One playbook and where its parts stand."""

    playbook: Playbook
    document: Located

    def unknown(self, kind: str, name: str, known: Iterable[str], path: tuple[str | int, ...]) -> UnknownNameError:
        """An error that begins with `file:line:` and names the nearest."""
        place = f"{self.document.source}:{self.document.line_of(path)}"
        return UnknownNameError(kind, name, known, where=place)


def load_playbooks(config_dir: Path, catalog: Catalog, playbooks_dir: Path | None = None) -> PlaybookSet:
    """All playbooks of a configuration folder, checked against the catalog, the goals and each other.

    `playbooks_dir` replaces `config_dir/playbooks`. Raises ConfigError with file and line of the first mistake.
    """
    folder = playbooks_dir or config_dir / "playbooks"
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise ConfigError(
            f"{folder}: no playbooks here", next_step="add one file per failure mode, see docs/adding-a-playbook.md"
        )
    xids = load_xid_table(config_dir)
    common = _load_common(folder / f"{COMMON}.yaml", catalog, xids)
    goals = goal_ids(config_dir)
    files: dict[str, _File] = {}
    signs: dict[str, Sign] = {f"{COMMON}.{name}": sign for name, sign in common.items()}
    for path in paths:
        if path.stem == COMMON:
            continue
        document = _read(path, xids)
        file = _File(validate(Playbook, document), document)
        mode = file.playbook.id
        if mode in files:
            raise document.error(f"playbook '{mode}' is already in {files[mode].document.source}", ("id",))
        files[mode] = file
        for name, signal in file.playbook.signals.items():
            signs[f"{mode}.{name}"] = _sign(signal, document, ("signals", name), catalog)
        _check_match(file, common)
        _check_actions(file)
        _check_goal(file, goals)
    _check_modes(files)
    explains = _folded(files)
    _check_rings(files, explains)
    playbooks = {mode: f.playbook.model_copy(update={"explains": explains[mode]}) for mode, f in files.items()}
    return PlaybookSet(playbooks, signs)


def _read(path: Path, xids: XidTable) -> Located:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as bad:
        raise ConfigError(f"{path}:1: cannot read the file: {bad}") from bad
    return load_located(xids.expand(text, str(path)), str(path))


def _load_common(path: Path, catalog: Catalog, xids: XidTable) -> dict[str, Sign]:
    if not path.is_file():
        return {}
    document = _read(path, xids)
    shared = validate(CommonSignals, document)
    return {n: _sign(s, document, ("signals", n), catalog) for n, s in shared.signals.items()}


def _sign(signal: Signal, document: Located, path: tuple[str, ...], catalog: Catalog) -> Sign:
    try:
        plan = plan_of(signal)
        columns = check(plan, catalog)[plan.result]
    except ConfigError as bad:
        raise ConfigError(f"{document.source}:{document.line_of(path)}: {bad}", next_step=bad.next_step) from bad
    except (Llo11yPopError, ValueError) as bad:
        raise document.error(f"signal '{path[-1]}': {str(bad).splitlines()[-1]}", path) from bad
    _check_columns(signal, document, path, columns)
    return Sign(signal, plan)


def _check_columns(signal: Signal, document: Located, path: tuple[str, ...], columns: Schema) -> None:
    """Entity, related, onset and text must name columns that the plan gives, and levels that exist."""
    if not signal.entity:
        raise document.error("'entity' names no level", (*path, "entity"))
    for key in ("entity", "related"):
        for level, template in getattr(signal, key).items():
            for name in _names(template, document, (*path, key, level)):
                _known_column(name, columns, document, (*path, key, level))
            if "{" in level:
                for name in _names(level, document, (*path, key, level)):
                    _known_column(name, columns, document, (*path, key, level))
            elif level not in _LEVELS:
                where = f"{document.source}:{document.line_of((*path, key, level))}"
                raise UnknownNameError("level", level, _LEVELS, where=where)
    for key in ("onset", "last"):
        name = getattr(signal, key)
        if name is not None:
            _known_column(name, columns, document, (*path, key))
            if columns[name] is not Kind.TIME:
                raise document.error(f"'{key}' needs an instant, and '{name}' is a {columns[name]}", (*path, key))
    for name in _names(signal.text, document, (*path, "text"), always=True):
        _known_column(name, columns, document, (*path, "text"))


def _names(template: str, document: Located, path: tuple[str, ...], always: bool = False) -> tuple[str, ...]:
    if not always and "{" not in template:
        return (template,)
    try:
        return names_in(template)
    except ValueError as bad:
        raise document.error(f"text template: {bad}", path) from bad


def _known_column(name: str, columns: Mapping[str, Kind], document: Located, path: tuple[str, ...]) -> None:
    if name not in columns:
        raise UnknownNameError("column", name, columns, where=f"{document.source}:{document.line_of(path)}")


def _check_match(file: _File, common: Mapping[str, Sign]) -> None:
    playbook = file.playbook
    known = {**{n: s for n, s in playbook.signals.items()}, **{f"{COMMON}.{n}": s.signal for n, s in common.items()}}
    for key, name in playbook.match.names():
        if name not in known:
            index = getattr(playbook.match, key).index(name)
            raise file.unknown("signal", name, known, ("match", key, index))
    for part in ("raise_severity", "routes"):
        for index, rule in enumerate(getattr(playbook, part)):
            if rule.when_signal not in known:
                raise file.unknown("signal", rule.when_signal, known, (part, index, "when_signal"))
    used = {name for _, name in playbook.match.names()}
    for name in playbook.signals:
        if name not in used:
            raise file.document.error(f"signal '{name}' is in no rule of 'match'", ("signals", name))
    levels = {level.value for level in playbook.entity}
    required = [known[n] for n in (*playbook.match.all, *playbook.match.any)]
    if not any(levels & set(signal.entity) for signal in required):
        raise file.document.error(f"no required signal fires on a {' or '.join(sorted(levels))}", ("match",))


def _check_actions(file: _File) -> None:
    options = [(("actions", i), o) for i, o in enumerate(file.playbook.actions)]
    options += [(("routes", r, "actions", i), o) for r, t in enumerate(file.playbook.routes) for i, o in enumerate(t.actions)]  # type: ignore[misc]
    for path, option in options:
        for name, value in option.arguments.items():
            if isinstance(value, str) and value.startswith("$") and value[1:] not in _LOOKUPS:
                raise file.unknown("argument source", value, [f"${word}" for word in _LOOKUPS], (*path, "arguments", name))


def _check_goal(file: _File, goals: frozenset[str]) -> None:
    playbook = file.playbook
    named = [(playbook.goal, ("goal",))] if playbook.goal else []
    if playbook.success:
        named.append((playbook.success.goal, ("success", "goal")))  # type: ignore[arg-type]
    for name, path in named:
        if name not in goals:
            raise file.unknown("goal", name, goals, path)


def _check_modes(files: Mapping[str, _File]) -> None:
    for file in files.values():
        book = file.playbook
        mentions: list[tuple[str, tuple[str | int, ...]]] = [(m, ("competing", i)) for i, m in enumerate(book.competing)]
        for part in ("explains", "explained_by"):
            for index, rule in enumerate(getattr(book, part)):
                mentions += [(m, (part, index, "modes", i)) for i, m in enumerate(rule.modes)]
        mentions += [(m.mode, ("merge", i, "mode")) for i, m in enumerate(book.merge) if m.mode]
        for mode, path in mentions:
            if mode not in files:
                raise file.unknown("playbook", mode, files, path)


def _folded(files: Mapping[str, _File]) -> dict[str, tuple[Explains, ...]]:
    """What each mode explains, with every `explained_by` of the others turned round."""
    explains = {mode: list(file.playbook.explains) for mode, file in files.items()}
    for mode, file in files.items():
        for rule in file.playbook.explained_by:
            for cause in rule.modes:
                explains[cause].append(rule.model_copy(update={"modes": (mode,)}))
    return {mode: tuple(rules) for mode, rules in explains.items()}


def _check_rings(files: Mapping[str, _File], explains: Mapping[str, tuple[Explains, ...]]) -> None:
    """Two modes that explain each other would leave no cause."""
    below = {mode: {m for rule in rules for m in rule.modes} for mode, rules in explains.items()}
    done: set[str] = set()

    def visit(mode: str, trail: tuple[str, ...]) -> None:
        if mode in trail:
            ring = " → ".join((*trail[trail.index(mode) :], mode))
            raise files[mode].document.error(f"modes explain each other in a ring: {ring}", ("explains",))
        if mode not in done:
            for symptom in sorted(below[mode]):
                visit(symptom, (*trail, mode))
            done.add(mode)

    for mode in files:
        visit(mode, ())
