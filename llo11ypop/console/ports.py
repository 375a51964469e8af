"""What the pages need from the process around them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from llo11ypop.approvals.ledger import Ledger
from llo11ypop.approvals.settle import Answered
from llo11ypop.core.clock import Clock
from llo11ypop.core.proposal import Verdict
from llo11ypop.query.store import TelemetryStore

if TYPE_CHECKING:
    from llo11ypop.console.ask_ports import Questions
    from llo11ypop.console.webhooks import Listener
    from llo11ypop.core.goal import Goal


DEFAULT_SNOOZE = timedelta(hours=4)


class Answer(Protocol):
    """One function for answers from everywhere: lock, check, resume, commit."""

    async def __call__(self, proposal_id: str, verdict: Verdict, *, seen_hash: str = "") -> Answered:
        """`seen_hash` is the evidence hash of the page that the person saw."""
        ...


class Demo(Protocol):
    """A simulated fleet that can be broken on purpose."""

    @property
    def note(self) -> str:
        """One sentence for the top of every page: what is simulated, and how fast its time runs."""
        ...

    def faults(self) -> Sequence[tuple[str, str]]:
        """(mode id, what it is) of everything that can be broken."""
        ...

    async def break_something(self, mode: str) -> str:
        """Inject a fault; says what happened and when it shows. Raises ConfigError for an unknown mode."""
        ...


@dataclass(frozen=True)
class Ports:
    """The console's view of the process."""

    ledger: Ledger
    store: TelemetryStore
    clock: Clock
    goals: "Callable[[], Sequence[Goal]]"
    """Those of the configuration in force."""
    answer: Answer
    """Answers a proposal."""
    status: Callable[[], Awaitable[dict[str, Any]]]
    """The same as /statusz."""
    demo: Demo | None = None
    snooze: timedelta = DEFAULT_SNOOZE
    """How long a snooze lasts where nobody says."""
    hosts: tuple[str, ...] = ()
    """Host names under which the console may be asked, beside those of this machine; `*` for any."""
    questions: "Questions | None" = None
    """Answers questions about the fleet; none where nobody does."""
    webhooks: "Mapping[str, Listener]" = field(default_factory=dict)
    """What channels may call, by the channel's name."""
