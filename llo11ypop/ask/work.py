"""One turn under way: what is too large, or not JSON, for the graph's state. Lost with the process, like the turn itself."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from llo11ypop.ask.chart import Planned
from llo11ypop.core.evidence import Evidence
from llo11ypop.core.question import AgentStep, Answer, Result, Status
from llo11ypop.core.vocabulary import Area

if TYPE_CHECKING:
    from llo11ypop.agents.investigators import Investigated
    from llo11ypop.agents.query_writer.asking import Written
    from llo11ypop.ask.site import Site
    from llo11ypop.core.principal import Principal
    from llo11ypop.language.reading import Reading

OnStep = Callable[[AgentStep], None]


@dataclass
class Note:
    """What a step did, filled in while it runs."""

    did: str = ""


@dataclass
class Work:
    """Everything a turn has found so far."""

    at: datetime
    on_step: OnStep | None = None
    principal: "Principal | None" = None
    thread: str = ""
    site: "Site | None" = None
    """The fleet as this principal may see it."""
    reading: "Reading | None" = None
    written: "Written | None" = None
    """What the query writer's model made of it; None where none was asked."""
    alone: bool = False
    """The model's reading is the one that is answered."""
    evidence: list[Evidence] = field(default_factory=list)
    result: Result | None = None
    investigated: "Investigated | None" = None
    planned: list[Planned] = field(default_factory=list)
    freshness: str = ""
    status: Status | None = None
    line: str = ""
    """Why it was declined, or what failed."""
    areas: tuple[Area, ...] = ()
    notes: list[str] = field(default_factory=list)
    steps: list[AgentStep] = field(default_factory=list)
    answer: Answer | None = None
    started_s: float = field(default_factory=time.perf_counter)

    @contextmanager
    def step(self, agent: str) -> Iterator[Note]:
        """Record what an agent does and how long it takes; what it raises passes through and is not a step."""
        note, began_s = Note(), time.perf_counter()
        yield note
        done = AgentStep(agent, note.did, time.perf_counter() - began_s)
        self.steps.append(done)
        if self.on_step is not None:
            self.on_step(done)

    def failed(self, line: str) -> None:
        """Note that the turn cannot be answered because something broke."""
        self.status, self.line = Status.FAILED, line
