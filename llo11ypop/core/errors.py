"""Every error an operator can meet, each with a reason code and the next thing to do.

Llo11yPopError
├── ConfigError          a YAML file, a setting or an argument is wrong; exit 2
│   └── UnknownNameError a dataset, field, goal or playbook that does not exist
├── NotExportedError     the catalog knows it, this fleet does not export it (not an error for an answer)
├── PlanError            a plan that the catalog or the engine cannot carry out
├── StoreError           telemetry could not be read; `transient` says whether a retry may help
├── LedgerError          the ledger could not be read or written; nothing was half-written
└── ConflictError        somebody else was first (already answered, already running)
"""

from collections.abc import Iterable
from difflib import get_close_matches


class Llo11yPopError(Exception):
    """Base of all errors that are shown to an operator as one line."""

    reason = "internal"
    exit_code = 1
    transient = False

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.next_step = next_step

    def line(self) -> str:
        """The error as one line: what is wrong, then what to do."""
        text = " ".join(str(self).split())
        return f"{text} — {self.next_step}" if self.next_step else text


class ConfigError(Llo11yPopError):
    """A file, setting or argument is wrong. The message starts with `file:line:` where one is known."""

    reason = "config"
    exit_code = 2


class UnknownNameError(ConfigError):
    """A name that the catalog, goals or playbooks do not have; the nearest names are in the message."""

    reason = "unknown_name"

    def __init__(self, kind: str, name: str, known: Iterable[str], *, where: str = "") -> None:
        near = get_close_matches(name, list(known), n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else ""
        place = f"{where}: " if where else ""
        super().__init__(f"{place}no {kind} named '{name}'", next_step=hint)


class NotExportedError(Llo11yPopError):
    """The catalog describes it but this fleet does not export it: 'not exported here', neither zero nor a fault."""

    reason = "not_exported"


class PlanError(Llo11yPopError):
    """A plan that cannot be carried out, with the reason. A retry does not help."""

    reason = "plan"
    exit_code = 2


class StoreError(Llo11yPopError):
    """Telemetry could not be read."""

    reason = "store"

    def __init__(self, message: str, *, next_step: str = "", transient: bool = False) -> None:
        super().__init__(message, next_step=next_step)
        self.transient = transient


class LedgerError(Llo11yPopError):
    """The ledger could not be read or written. Transactions are all or nothing, so nothing was half-written."""

    reason = "ledger"

    def __init__(self, message: str, *, next_step: str = "", transient: bool = False) -> None:
        super().__init__(message, next_step=next_step)
        self.transient = transient


class ConflictError(Llo11yPopError):
    """Somebody else was first: the proposal is already answered, the cycle already runs."""

    reason = "conflict"


def is_transient(error: BaseException) -> bool:
    """Whether trying the same call again may help. The one rule for every retry policy."""
    if isinstance(error, Llo11yPopError):
        return error.transient
    return isinstance(error, (TimeoutError, ConnectionError))
