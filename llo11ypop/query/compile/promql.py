# ruff: noqa: S608 - only identifiers of the catalog, quoted, and names of our own are put into SQL text
"""A select as PromQL: one query per measure, and what is done here with their few rows.

PromQL aggregates series first in time, then across series, so it can say what comes out the same in either order, or what
concerns one series. `increase()` stretches what it saw to the whole range; here a counter's gain is its highest less its lowest
value and its first reading its lowest. What no range function tells is read sample by sample, of the few series it concerns:
counters that started again or changed labels, the last instant of what fell silent, rows beyond a value counted or dated. Every
other refusal has its reason.
Sources: Prometheus documentation (querying: basics, operators, functions).
"""

from collections.abc import Callable, Mapping

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.catalog.models import Dataset, ForeignName
from llo11ypop.core.errors import PlanError
from llo11ypop.query.check import aggregated
from llo11ypop.query.compile.duckdb_expr import LISTED_AT_MOST, cast, expression, ordering
from llo11ypop.query.compile.promql_filter import Filter, Matcher, Threshold, filter_of
from llo11ypop.query.compile.promql_names import RANGE, Blanks, Names, Series, blanks_of, refused
from llo11ypop.query.compile.promql_queries import Answer, Check, Native, Odd, PromCompiled, Wanted, steps_of
from llo11ypop.query.compile.sql import Sql, joined, quoted
from llo11ypop.query.expr import Name
from llo11ypop.query.fuse import Scan
from llo11ypop.query.kinds import OF_FIELD, Kind, kind_of
from llo11ypop.query.plan import Measure, Select, Span

_OF_LABELS = ("first", "last", "min", "max")
"""Aggregates that a label has besides being counted and listed."""
_INSTANTS: Mapping[str, Wanted] = {"min": "earliest", "first": "earliest", "max": "latest", "last": "latest"}
_READINGS: Mapping[str, Wanted] = {"min": "lowest", "max": "highest"}
_TOGETHER = {"count": "sum", "lowest": "min", "highest": "max", "earliest": "min", "latest": "max"}
"""How rows of several things become one of their group."""
_INSTANT = "epoch_ms(CAST(round({} * 1000) AS BIGINT))"
"""Seconds after 1970 as an instant."""


def compiler(series: Callable[[str], Series | None]) -> Callable[[Scan, Catalog, bool], PromCompiled]:
    """The compiler of scans over the series that are there, by name of the dataset."""

    def compile_scan(scan: Scan, catalog: Catalog, few: bool) -> PromCompiled:
        dataset, found = catalog.datasets[scan.dataset], series(scan.dataset)
        if found is None:
            reason = f"dataset '{scan.dataset}' does not lie in Prometheus"
            return PromCompiled(scan.dataset, (), (), {}, dict.fromkeys(scan.selects, reason))
        names = Names(dataset, found)
        natives: list[Native] = []
        checks: list[Check] = []
        answers: dict[str, Answer] = {}
        reasons: dict[str, str] = {}
        for key, select in scan.selects.items():
            queries, tests = list(natives), list(checks)
            try:
                answers[key] = Compilation(select, dataset, names, queries, tests).answer()
            except PlanError as bad:
                reasons[key] = bad.line()
            else:
                natives, checks = queries, tests
        return PromCompiled(scan.dataset, tuple(natives), tuple(checks), answers, reasons)

    return compile_scan


class Compilation:
    """Puts one select's queries together, sharing those that are there already."""

    def __init__(
        self,
        select: Select,
        dataset: Dataset,
        names: Names,
        natives: list[Native],
        checks: list[Check],
        *,
        drawn: bool = False,
    ) -> None:
        """`drawn`: for a picture, where a span with any blank is a gap, since nothing can be refused when it is looked at."""
        self.drawn = drawn
        self.select = select
        self.dataset = dataset
        self.names = names
        self.natives = natives
        self.checks = checks
        self.used: dict[int, None] = {}
        self.tested: dict[int, None] = {}
        if select.fields:
            raise refused("raw rows: a row is many series there")
        if select.window is None:
            raise refused("a select without a window")
        self.window = select.window
        self.keys = tuple(sorted(set(select.by)))
        self.labels = tuple(names.label(name) for name in self.keys)
        self.kinds: dict[str, Kind] = {name: OF_FIELD[names.spec(name).type] for name in self.keys}
        self.steps = steps_of(select.bucket) if select.bucket else None
        self.columns = len(self.keys) + bool(select.bucket)
        self.filter = filter_of(select.where, names)

    def answer(self) -> Answer:
        """The select's queries and how its rows come from them. Raises PlanError."""
        select = self.select
        wheres = {name: self.filter.also(filter_of(m.where, self.names)) for name, m in select.measures.items()}
        read = [m.field.node.name for m in select.measures.values() if m.field and isinstance(m.field.node, Name)]
        self.metrics = tuple(dict.fromkeys([self.names.series.anchor, *(n for n in read if n in self.names.series.metrics)]))
        base = self._query(f"group{self.grouped_by()} ({self._present(self.filter, self.window)})", self.window)
        if select.bucket:
            self.kinds[select.bucket.name] = Kind.TIME
        schema = {n: OF_FIELD[f.type] for n, f in self.dataset.fields.items()}
        joins: list[str] = []
        found: dict[str, Sql] = {}
        for name, measure in select.measures.items():
            kind = kind_of(measure.field, schema, "measure") if measure.field else Kind.INTEGER
            self.kinds[name] = Kind.NUMBER if measure.agg in ("increase", "rate") else aggregated(measure, kind, "measure")
            table, text = self._measure(measure, wheres[name], len(joins))
            same = " AND ".join(f"b.k{i} IS NOT DISTINCT FROM j{len(joins)}.k{i}" for i in range(self.columns))
            joins.append(f" LEFT JOIN {table} ON {same or 'true'}")
            found[name] = cast(Sql(text), self.kinds[name])
        return self._finished(base, joins, found)

    def _finished(self, base: int, joins: list[str], found: Mapping[str, Sql]) -> Answer:
        select = self.select
        keys = [*self.keys, *([select.bucket.name] if select.bucket else [])]
        shown = [Sql(f"b.k{i} AS {quoted(name)}") for i, name in enumerate(keys)]
        shown += [text + f" AS {quoted(name)}" for name, text in found.items()]
        source = f"q{base}" if keys else f"(SELECT count(*) AS n FROM q{base})"
        body = "SELECT " + joined(shown) + f" FROM {source} AS b{''.join(joins)}"
        wanted = [*select.by, *([select.bucket.name] if select.bucket else []), *select.measures]
        finish = f"SELECT {', '.join(quoted(n) for n in wanted)} FROM (" + body + ") AS g"
        if select.having:
            finish = finish + " WHERE " + expression(select.having, {n: quoted(n) for n in self.kinds}, self.kinds)
        order = [(quoted(o.by), o.desc) for o in select.order]
        order += [(quoted(name), False) for name in keys if name not in {o.by for o in select.order}]
        finish = finish + (f" ORDER BY {ordering(order)}" if order else "")
        finish = finish + (f" LIMIT {select.limit + 1:d}" if select.limit else "")
        vague = tuple(name for name, m in select.measures.items() if m.agg == "rate")
        return Answer(tuple(self.used), finish, tuple(self.tested), vague, select.limit)

    # ---- text ------------------------------------------------------------------------------------------------
    def grouped_by(self, *more: str) -> str:
        """The grouping clause; empty for a total."""
        labels = (*self.labels, *more)
        return f" by ({', '.join(labels)})" if labels else ""

    def _selector(self, foreign: ForeignName, where: Filter) -> str:
        own = (Matcher(label, "=", value) for label, value in (*self.names.series.match, *foreign.where.items()))
        matchers = ['llo11ypop_never="no row can meet this condition"'] if where.never else []
        matchers += [str(m) for m in sorted({*own, *where.matchers})]
        return foreign.name + (f"{{{', '.join(matchers)}}}" if matchers else "")

    def range_of(self, foreign: ForeignName, where: Filter) -> str:
        """The samples of a metric."""
        return f"{self._selector(foreign, where)}[{RANGE}]"

    def _present(self, where: Filter, window: Span) -> str:
        """The series with a row that meets the condition."""
        if where.threshold is None:
            vectors = dict.fromkeys(f"last_over_time({self.range_of(self.names.metric(n), where)})" for n in self.metrics)
            return " or ".join(vectors)
        if where.threshold.op == "=":
            raise refused(
                f"whether '{where.threshold.name}' was {where.threshold.value:g} at any time, for which each reading counts"
            )
        return self._cleaned(where.threshold.name, where, window, self._reaching(where, where.threshold))

    def _reaching(self, where: Filter, limit: Threshold) -> str:
        """The series with a reading that meets a comparison; for = with readings on both sides of it."""
        foreign = self.names.metric(limit.name)
        of, value = self.range_of(foreign, where), _foreign(limit.value, foreign)
        if limit.op == "=":
            return f"((min_over_time({of}) <= {value!r}) and (max_over_time({of}) >= {value!r}))"
        extreme = "max_over_time" if limit.op in (">", ">=") else "min_over_time"
        return f"({extreme}({of}) {limit.op} {value!r})"

    def _cleaned(self, name: str, where: Filter, window: Span, text: str) -> str:
        """The series of a text over a metric without those that are blank; one that is so at times is a refusal when it runs."""
        foreign = self.names.metric(name)
        blanks, of = blanks_of(self.dataset, name, foreign), self.range_of(foreign, where)
        if self.drawn:
            return f"({text} unless ({blanks.some(of)}))"
        whole = blanks.whole(of)
        mixed = f"({blanks.some(of)}) unless ({whole})" if whole else blanks.some(of)
        check = Check(
            Native(f"count({mixed})", (), (), window, self.steps),
            refused(f"'{name}' of {self.dataset.dataset}, where a series has both readings and blanks in this window").line(),
        )
        self._test(check)
        return f"({text} unless ({whole}))" if whole else text

    def _test(self, check: Check) -> None:
        if check not in self.checks:
            self.checks.append(check)
        self.tested[self.checks.index(check)] = None

    def _query(self, text: str, window: Span, *, more: tuple[tuple[str, Kind], ...] = (), odd: Odd | None = None) -> int:
        labels = (*self.labels, *(label for label, _ in more))
        kinds = (*(self.kinds[k] for k in self.keys), *(kind for _, kind in more))
        native = Native(text, labels, kinds, window, self.steps, odd)
        if native not in self.natives:
            self.natives.append(native)
        index = self.natives.index(native)
        self.used[index] = None
        return index

    # ---- measures --------------------------------------------------------------------------------------------
    def _measure(self, measure: Measure, where: Filter, number: int) -> tuple[str, str]:
        """The table to join, called j<number>, and the text that reads the measure from it."""
        name = measure.field.node.name if measure.field and isinstance(measure.field.node, Name) else ""
        if measure.field and not name:
            raise refused(f"'{measure.field}': it needs several values of the same row")
        window = measure.over or self.window
        alias, value = f"j{number}", f"j{number}.v"
        of_label = measure.agg in _OF_LABELS and name in self.names.series.labels
        if of_label or (measure.agg in ("count_distinct", "list") and name not in self.names.series.metrics):
            return self._distinct(measure, name, where, window, alias)
        if where.threshold is not None:
            return self._meeting(measure, name, where, where.threshold, window, alias)
        if measure.agg == "count":
            index = self._count(name, where, window)
            return f"q{index} AS {alias}", f"coalesce({value}, 0)"
        if name == self.dataset.time and measure.agg in ("max", "last"):
            return f"{self._latest(where, window)} AS {alias}", _INSTANT.format(value)
        foreign = self.names.metric(name)
        if measure.agg in ("increase", "rate") or (
            measure.agg == "first" and self.names.spec(name).counter and not foreign.offset
        ):
            table = self._counter(measure, name, where, window)
            return f"{table} AS {alias}", f"({value} * {foreign.factor!r})"
        of = self.range_of(foreign, where)
        index = self._query(*self._over_time(measure, name, where, window, of))
        scaled = value if foreign.factor == 1.0 else f"({value} * {foreign.factor!r})"
        if foreign.offset and measure.agg == "sum":
            raise refused(f"the sum of '{name}', whose unit starts elsewhere")
        if foreign.offset and measure.agg != "stddev":
            scaled = f"({scaled} + {foreign.offset!r})"
        return f"q{index} AS {alias}", scaled

    def _over_time(self, measure: Measure, name: str, where: Filter, window: Span, of: str) -> tuple[str, Span]:
        """The text of an aggregate of readings, and the window it reads."""

        def clean(text: str) -> str:
            return self._cleaned(name, where, window, text)

        match measure.agg:
            case "sum" | "min" | "max":
                return f"{measure.agg}{self.grouped_by()} ({clean(f'{measure.agg}_over_time({of})')})", window
            case "avg":
                total = f"sum{self.grouped_by()} ({clean(f'sum_over_time({of})')})"
                return f"{total} / sum{self.grouped_by()} ({clean(f'count_over_time({of})')})", window
        return self._of_one(measure, name, clean, of), window

    def _of_one(self, measure: Measure, name: str, clean: Callable[[str], str], of: str) -> str:
        """Aggregates that cannot be put together across series: each group has to be one series."""
        if not set(self.dataset.grain) <= set(self.keys):
            raise refused(f"'{measure.agg}' over several series: group by {', '.join(self.dataset.grain)}")
        match measure.agg:
            case "percentile":
                text = f"quantile_over_time({measure.q!r}, {of})"
            case "last":
                text = f"last_over_time({of})"
            case "stddev":
                n = f"count_over_time({of})"
                text = f"(stddev_over_time({of}) * sqrt({n} / (({n} - 1) > 0)))"
            case _:
                raise refused(f"'{measure.agg}' of a measured value")
        several = Check(
            Native(f"count(count{self.grouped_by()} ({clean(text)}) > 1)", (), (), measure.over or self.window, self.steps),
            refused(f"'{measure.agg}' of '{name}' where the labels of a series changed in this window").line(),
        )
        self._test(several)
        return f"max{self.grouped_by()} ({clean(text)})"

    def _count(self, name: str, where: Filter, window: Span) -> int:
        if not name or name in self.names.series.labels:
            of = self.range_of(self._of_rows("counting rows", ", or count a field"), where)
            return self._query(f"sum{self.grouped_by()} (count_over_time({of}))", window)
        of = self.range_of(self.names.metric(name), where)
        return self._query(f"sum{self.grouped_by()} ({self._cleaned(name, where, window, f'count_over_time({of})')})", window)

    def _of_rows(self, what: str, instead: str = "") -> ForeignName:
        """The metric that every row has."""
        if not self.names.series.rows:
            raise refused(f"{what}: name the metric that every row has as 'rows' of the dataset{instead}")
        return self.names.metric(self.names.series.rows)

    def _latest(self, where: Filter, window: Span) -> str:
        """The instant of the last row in seconds; that of things that fell silent is read from their samples."""
        if self.steps:
            raise refused("the last instant per time bucket")
        rows = self._of_rows(f"the last '{self.dataset.time}'")
        of, now = self.range_of(rows, where), self._selector(rows, where)
        grain = tuple(self.names.label(g) for g in self.dataset.grain)
        silent = f"group by ({', '.join(grain)}) (last_over_time({of}) unless {now})"
        odd = Odd(silent, now, grain, Blanks(), "latest")
        index = self._query(f"max{self.grouped_by()} (timestamp({now}) and last_over_time({of}))", window, odd=odd)
        return self._per_group(index, "max")

    def _meeting(self, measure: Measure, name: str, where: Filter, limit: Threshold, window: Span, alias: str) -> tuple[str, str]:
        """How many rows meet a comparison, or what ends they have, from the samples of the series that reach it."""
        rows = measure.agg == "count" and (not name or name == limit.name or name in self.names.series.labels)
        ends = {limit.name: _READINGS, self.dataset.time: _INSTANTS}.get(name, {})
        wanted: Wanted | None = "count" if rows else ends.get(measure.agg)
        if wanted is None or self.drawn:
            raise refused(f"'{measure.agg}' of only the rows whose {limit.name} is {limit.op} something")
        if self.steps:
            raise refused(f"rows whose {limit.name} is {limit.op} something, per time bucket")
        foreign = self.names.metric(limit.name)
        grain = tuple(self.names.label(g) for g in self.dataset.grain)
        text = f"group by ({', '.join(grain)}) ({self._reaching(where, limit)})"
        meets = (limit.op, _foreign(limit.value, foreign))
        blanks = blanks_of(self.dataset, limit.name, foreign)
        odd = Odd(text, self._selector(foreign, where), grain, blanks, wanted, meets)
        table = self._per_group(self._query("", window, odd=odd), _TOGETHER[wanted])
        if rows:
            return f"{table} AS {alias}", f"coalesce({alias}.v, 0)"
        text = f"({alias}.v * {foreign.factor!r} + {foreign.offset!r})"
        return f"{table} AS {alias}", text if name == limit.name else _INSTANT.format(f"{alias}.v")

    def _distinct(self, measure: Measure, name: str, where: Filter, window: Span, alias: str) -> tuple[str, str]:
        label, kind = self.names.label(name), OF_FIELD[self.names.spec(name).type]
        text = f"group{self.grouped_by(label)} ({self._present(where, window)})"
        index = self._query(text, window, more=((label, kind),))
        at = len(self.keys)
        renamed = [*(f"k{i}" for i in range(at)), *([f"k{at + 1} AS k{at}"] if self.steps else [])]
        groups = ", ".join(str(i + 1) for i in range(self.columns))
        if measure.agg == "count_distinct":
            shown, value = f"count(DISTINCT k{at}) AS v", f"coalesce({alias}.v, 0)"
        elif measure.agg in _OF_LABELS:
            shown, value = f"{'max' if measure.agg == 'max' else 'min'}(k{at}) AS v", f"{alias}.v"
            if measure.agg in ("first", "last"):
                why = refused(f"'{measure.agg}' of '{name}', a label that has several values in a group")
                self._test(Check(Native(f"count(count{self.grouped_by()} ({text}) > 1)", (), (), window, self.steps), why.line()))
        else:
            listed = f"list_sort(list(DISTINCT k{at}))[1:{LISTED_AT_MOST}]"
            shown, value = f"array_to_string(CAST({listed} AS VARCHAR[]), ',') AS v", f"{alias}.v"
        tail = f" GROUP BY {groups}" if groups else ""
        table = f"(SELECT {', '.join([*renamed, shown])} FROM q{index}{tail})"
        return f"{table} AS {alias}", value

    def _counter(self, measure: Measure, name: str, where: Filter, window: Span) -> str:
        if self.steps:
            raise refused(f"'{measure.agg}' per time bucket, which needs the reading before each bucket")
        of = self.range_of(self.names.metric(name), where)
        if measure.agg == "rate":
            index = self._query(f"sum{self.grouped_by()} ({self._cleaned(name, where, window, f'rate({of})')})", window)
            return f"q{index}"
        grain = tuple(self.names.label(g) for g in self.dataset.grain)
        if measure.agg == "first" and not set(self.dataset.grain) <= set(self.keys):
            raise refused(f"'first' over several series: group by {', '.join(self.dataset.grain)}")
        on = ", ".join(grain)
        odd = f"(resets({of}) > 0) or (count by ({on}) (last_over_time({of})) > 1)"
        gain = f"((max_over_time({of}) - min_over_time({of})) and (count_over_time({of}) > 1))"
        plain = f"min_over_time({of})" if measure.agg == "first" else gain
        text = f"sum{self.grouped_by()} ({self._cleaned(name, where, window, plain)} unless on ({on}) ({odd}))"
        foreign = self.names.metric(name)
        blanks = blanks_of(self.dataset, name, foreign)
        wanted: Wanted = "first" if measure.agg == "first" else "gain"
        raw = Odd(f"group by ({on}) ({odd})", self._selector(foreign, where), grain, blanks, wanted)
        return self._per_group(self._query(text, window, odd=raw), "sum")

    def _per_group(self, index: int, agg: str) -> str:
        """A query's rows and those that were read sample by sample, as one row per group."""
        keys = ", ".join(f"k{i}" for i in range(self.columns))
        tail = f" GROUP BY {keys}" if keys else ""
        return f"(SELECT {keys + ', ' if keys else ''}{agg}(v) AS v FROM q{index}{tail})"


def _foreign(value: float, foreign: ForeignName) -> float:
    return (value - foreign.offset) / foreign.factor
