"""A store over a fleet's file that nobody writes: what was read once is not read again."""

from collections.abc import Mapping
from datetime import datetime

from llo11ypop.core.evidence import Evidence
from llo11ypop.query.plan import Plan
from llo11ypop.query.store import Coverage, Exports, TelemetryStore

Key = tuple[datetime, tuple[tuple[str, str], ...]]


class RememberingStore:
    """A TelemetryStore that keeps every answer. Many questions look at the same instants with all playbooks."""

    def __init__(self, store: TelemetryStore) -> None:
        self._store = store
        self._kept: dict[Key, dict[str, Evidence]] = {}
        self._texts: dict[int, tuple[Plan, str]] = {}

    @property
    def query_count(self) -> int:
        return self._store.query_count

    async def run(self, plan: Plan, at: datetime) -> Evidence:
        return (await self.run_many({"plan": plan}, at))["plan"]

    async def run_many(self, plans: Mapping[str, Plan], at: datetime) -> dict[str, Evidence]:
        key = at, tuple((name, self._text(plan)) for name, plan in plans.items())
        if key not in self._kept:
            self._kept[key] = await self._store.run_many(plans, at)
        return dict(self._kept[key])

    async def coverage(self, at: datetime, since: datetime, *, entities: bool = False) -> dict[str, Coverage]:
        return await self._store.coverage(at, since, entities=entities)

    async def exports(self) -> Exports:
        return await self._store.exports()

    def _text(self, plan: Plan) -> str:
        kept = self._texts.get(id(plan))
        if kept is None or kept[0] is not plan:
            kept = self._texts[id(plan)] = plan, plan.model_dump_json()
        return kept[1]
