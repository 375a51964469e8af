"""The system under test on one fleet file, opened as the command line opens it and asked only through `llo11ypop.ask`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from llo11ypop.core.question import Answer
from llo11ypop.evals.loop import run_loop
from llo11ypop.evals.suite.case import Case
from llo11ypop.evals.suite.component import Parts, run_component
from llo11ypop.evals.suite.outcome import Outcome
from llo11ypop.evals.suite.periods import cycle_outcome, report_outcome
from llo11ypop.evals.suite.truth import Prepared

if TYPE_CHECKING:
    from llo11ypop.ask.deps import AskDeps
    from llo11ypop.ask.site import Site
    from llo11ypop.settings import Settings


@dataclass
class Session:
    """One fleet, asked question after question."""

    deps: "AskDeps"
    settings: "Settings"
    _sites: dict[datetime, "Site"] = field(default_factory=dict)

    async def ask(self, question: str, at: datetime, thread: str) -> Answer:
        """Answer one question of a thread."""
        from llo11ypop.ask.conversation import ask

        return await ask(question, self.deps, thread=thread, at=at)

    async def component(self, prepared: Prepared) -> list[str]:
        """Run a component case; one line per thing that is wrong."""
        site = await self.deps.site(self.deps.principal, prepared.at)
        parts = Parts(site.reader, site.known, self.deps.guard, site.store, self)
        return await run_component(prepared, parts)

    async def made(self, prepared: Prepared) -> Outcome:
        """A report, or what one cycle files."""
        case = prepared.case
        if isinstance(case, Case) and case.report:
            return await report_outcome(case.report, prepared.at, self.settings, self.deps.store)
        run = await run_loop(self.settings, self.deps.store, [prepared.at])
        return cycle_outcome(run)


@asynccontextmanager
async def opened(fleet: Path, config: Path | None = None) -> AsyncIterator[Session]:
    """A session on a fleet file; its ledger and threads are thrown away. Raises StoreError and ConfigError."""
    from llo11ypop.daemon.conversing import conversing
    from llo11ypop.settings import load_settings
    from llo11ypop.stores.duckdb import DuckDbStore

    with TemporaryDirectory(prefix="llo11ypop-eval-") as scratch:
        overrides: dict[str, Any] = {
            "telemetry": {"path": fleet},
            "ledger": {"path": Path(scratch, "ledger.sqlite"), "checkpoints": Path(scratch, "checkpoints.sqlite")},
        }
        settings = load_settings(config, **overrides)
        from llo11ypop.daemon.compose import open_catalog

        store = DuckDbStore.open(fleet, open_catalog(settings), read_only=True)
        try:
            async with conversing(settings, store=store, foreign=True, forget=True) as deps:
                yield Session(deps, settings)
        finally:
            store.close()
