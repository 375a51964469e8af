"""One PromQL query: its range cut so that the window is half-open on every server, all of its series or an error.

An instant is evaluated one millisecond before the end of the window. Prometheus 3 leaves the start of a range out and
Prometheus 2 takes it in, so the server is asked which it does, once, and the width of the range follows from that.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from llo11ypop.core.access import Access
from llo11ypop.core.errors import PlanError, StoreError
from llo11ypop.query.compile.promql_names import RANGE, refused
from llo11ypop.query.compile.promql_queries import Native, Steps
from llo11ypop.query.plan import Span
from llo11ypop.stores.prometheus_access import answered, unreachable
from llo11ypop.stores.retrying import tried

if TYPE_CHECKING:
    import httpx

ENGINE = "prometheus"
AT_ONCE = 6
"""Queries under way at a time; Prometheus runs 20 by default (query.max-concurrency)."""
MAX_STEPS = 11_000
"""Points per series that Prometheus gives at most for a range query (web/api/v1)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

Labels = dict[str, str]


@dataclass(frozen=True)
class Cut:
    """One evaluation, or a row of them: samples from `start_ms` to before `end_ms`, `every_ms` apart."""

    start_ms: int
    end_ms: int
    bucket_ms: int = 0
    """Start of the (first) bucket."""
    every_ms: int = 0
    count: int = 1

    def width(self, left_open: bool) -> int:
        """Of the range, in milliseconds, evaluated at `end_ms` − 1."""
        whole = self.end_ms - self.start_ms
        return whole if left_open else whole - 1


@dataclass
class Reader:
    """Sends queries over one client and counts them."""

    client: "httpx.AsyncClient"
    access: Access
    at: datetime
    deadline_s: float
    left_open: bool = True
    queries: int = 0
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def samples(self, native: Native, dataset: str) -> list[tuple[Labels, int, float]]:
        """(labels, start of the bucket in ms, value) of every group. Raises StoreError and PlanError."""
        found: list[tuple[Labels, int, float]] = []
        for cut in cuts(native.window, native.steps, self.at):
            text = self.text(native.text, cut)
            if cut.count > 1:
                params = {"query": text, "start": _s(cut.end_ms - 1), "step": _s(cut.every_ms)}
                params["end"] = _s(cut.end_ms - 1 + (cut.count - 1) * cut.every_ms)
                body = await self.ask("query_range", params, dataset)
                for series in body["result"]:
                    for stamp, value in series["values"]:
                        number = round((round(float(stamp) * 1000) - cut.end_ms + 1) / cut.every_ms)
                        found.append((series["metric"], cut.bucket_ms + number * cut.every_ms, _number(value, dataset)))
            else:
                body = await self.ask("query", {"query": text, "time": _s(cut.end_ms - 1)}, dataset)
                found += [(s["metric"], cut.bucket_ms, _number(s["value"][1], dataset)) for s in body["result"]]
        return found

    async def raw(self, selector: str, window: Span, dataset: str) -> list[tuple[Labels, list[tuple[float, float]]]]:
        """The samples of series, each as (seconds, value). Raises StoreError."""
        (cut,) = cuts(window, None, self.at)
        body = await self.ask("query", {"query": self.text(f"{selector}[{RANGE}]", cut), "time": _s(cut.end_ms - 1)}, dataset)
        return [(s["metric"], [(float(t), _number(v, dataset)) for t, v in s["values"]]) for s in body["result"]]

    def text(self, text: str, cut: Cut) -> str:
        """The query as it is sent."""
        return text.replace(RANGE, f"{max(cut.width(self.left_open), 1)}ms")

    async def ask(self, path: str, params: dict[str, str], what: str) -> Any:
        """The `data` of an answer. Raises StoreError; tried again where that may help."""
        what = f"dataset '{what}'" if what else "its metrics"
        async with self._free:
            try:
                async with asyncio.timeout(self.deadline_s):
                    return await tried(lambda: self._once(path, params, what))
            except TimeoutError as bad:
                raise unreachable(bad, self.access, what) from bad

    async def _once(self, path: str, params: dict[str, str], what: str) -> Any:
        """One request. Thanos and VictoriaMetrics are told to refuse where a part of them does not answer."""
        import httpx

        self.queries += 1
        form = {**params, "partial_response": "false", "deny_partial_response": "1"}
        try:
            if path.startswith(("label", "metadata")):
                answer = await self.client.get(f"api/v1/{path}", params=form)
            else:
                answer = await self.client.post(f"api/v1/{path}", data={**form, "timeout": f"{self.access.timeout_s:g}s"})
        except httpx.HTTPError as bad:
            raise unreachable(bad, self.access, what) from bad
        try:
            body = answer.json()
        except ValueError as bad:
            raise answered(answer.status_code, "the answer is no JSON", self.access, what) from bad
        if not isinstance(body, dict) or answer.status_code != httpx.codes.OK or body.get("status") != "success":
            reason = body.get("error", "") if isinstance(body, dict) else ""
            raise answered(answer.status_code, str(reason), self.access, what)
        if body.get("warnings") or body.get("isPartial"):
            said = "; ".join(map(str, body.get("warnings") or ["it says so"]))[:300]
            message = f"Prometheus at {self.access.name}: only a part of the answer about {what} came: {said}"
            raise StoreError(message, next_step="see which store behind it is down; try again", transient=True)
        return body["data"]


async def is_left_open(reader: Reader) -> bool:
    """Whether the server leaves the start of a range out: of two steps of a subquery exactly one range apart, one is seen."""
    body = await reader.ask("query", {"query": "count_over_time(vector(1)[10s:10s])", "time": "1000000000"}, "")
    return [s["value"][1] for s in body["result"]] == ["1"]


def cuts(window: Span, steps: Steps | None, at: datetime) -> list[Cut]:
    """The evaluations that read a window: one, or the whole buckets in a row and the cut ones at either end by themselves.

    Raises PlanError for more buckets than a server gives.
    """
    start, end = _ms(at - window.start), _ms(at - window.end)
    if steps is None:
        return [Cut(start, end)] if end > start else []
    first = _floor(start, steps)
    found: list[Cut] = []
    if first < start:
        found.append(Cut(start, min(end, first + steps.every_ms), first))
        first += steps.every_ms
    whole = max((_floor(end, steps) - first) // steps.every_ms, 0)
    if whole > MAX_STEPS:
        raise refused(f"{whole:,} time buckets, over {MAX_STEPS:,}")
    if whole:
        found.append(Cut(first, first + steps.every_ms, first, steps.every_ms, whole))
    last = first + whole * steps.every_ms
    if last < end:
        found.append(Cut(last, end, last))
    return found


def _floor(moment_ms: int, steps: Steps) -> int:
    return moment_ms - (moment_ms - steps.origin_ms) % steps.every_ms


def _ms(moment: datetime) -> int:
    """The first millisecond that is not before an instant: samples have whole ones."""
    return -((_EPOCH - moment) // _MS)


def _s(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}"


def _number(text: str, dataset: str) -> float:
    value = float(text)
    if value != value:  # noqa: PLR0124 - NaN is not itself
        raise PlanError(f"dataset '{dataset}': Prometheus gives NaN, so some of its readings are no numbers")
    return value
