"""The command line: one module per command, imported only when it runs, so that `--help` is instant.

A command is a module of this package with a Typer `app`, or a function named like the command. `COMMANDS`
is all that `--help` reads.
"""

import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from llo11ypop import __version__
from llo11ypop.core.errors import Llo11yPopError

COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("up", "Start a seeded fleet, the daemon and the console."),
    "run": ("run_daemon", "Run the daemon: cycles, console, probes, metrics."),
    "ask": ("ask", "Ask the fleet a question, or have a conversation."),
    "mcp": ("mcp", "Serve the fleet as read-only tools for other agents."),
    "once": ("once", "Run one cycle, now or as of a past instant."),
    "proposals": ("proposals", "List, show and answer what the loop proposes."),
    "goals": ("goals", "Show goals with value, baseline and target."),
    "report": ("report", "Say what happened last night, last week, or at any time."),
    "dashboard": ("dashboard", "Show a goal, an incident or an answer in Grafana."),
    "evidence": ("evidence", "Show evidence, and run its query again."),
    "simulate": ("simulate", "Write a simulated fleet with known incidents."),
    "load": ("load", "Write a fleet's file into Elasticsearch."),
    "parity": ("parity", "Compare the configured store with a loaded file."),
    "score": ("score", "Judge proposals against what was injected."),
    "replay": ("replay", "Run the loop over a recorded fault trace."),
    "eval": ("evaluate", "Ask the suite's questions and score the answers."),
    "catalog": ("catalog", "Check and show what telemetry means."),
    "playbooks": ("playbooks", "Check and list how things fail."),
    "feedback": ("feedback", "Export what people answered and what came of it."),
    "autonomy": ("autonomy", "Show what may run without a human, and why."),
    "db": ("db", "Create or migrate the ledger."),
    "run-trace": ("run_trace", "Name the straggler in a trace of a training run."),
    "fake-model": ("fake_model", "Serve a fake model on loopback, to try things out."),
    "doctor": ("doctor", "Probe what is configured and say what is wrong."),
}
"""Command → (module of this package, one line of help). `run` is also the function below, hence its module's name."""

_GLOBAL_VALUES = ("--config",)
_GLOBAL_FLAGS = ("--debug",)


def load_command(name: str) -> TyperCommand | TyperGroup:
    """Import one command. Raises ImportError where its module, or what the module needs, is not installed."""
    module = import_module(f"{__name__}.{COMMANDS[name][0]}")
    app = getattr(module, "app", None)
    if not isinstance(app, typer.Typer):
        app = typer.Typer(rich_markup_mode=None, add_completion=False)
        app.command(name)(getattr(module, name))
    app.rich_markup_mode = None
    command: Any = get_command(app)
    command.name = name
    return command  # type: ignore[no-any-return]


class LazyCommands(TyperGroup):
    """Lists commands from the table and imports the one that is run."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> TyperCommand | None:  # type: ignore[override]
        """A stand-in with the help line, enough for listing and for suggestions."""
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1], rich_markup_mode=None)

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> tuple[str | None, Any, list[str]]:  # type: ignore[override]
        """The real command; `--config` and `--debug` may also stand behind its name."""
        self.commands = dict.fromkeys(COMMANDS, TyperCommand("suggestion"))
        name, stub, rest = super().resolve_command(ctx, args)
        if name is None or stub is None:
            return name, stub, rest
        command = load_command(name)
        return name, command, _take_globals(rest, _declared(command))


def _declared(command: Any) -> set[str]:
    """The option names that a command, or a command below it, declares itself."""
    names = {opt for param in command.params for opt in getattr(param, "opts", ())}
    for below in getattr(command, "commands", {}).values():
        names |= _declared(below)
    return names


def _take_globals(args: Sequence[str], declared: set[str]) -> list[str]:
    left: list[str] = []
    todo = list(args)
    while todo:
        arg = todo.pop(0)
        flag, equals, value = arg.partition("=")
        if arg == "--":
            return [*left, arg, *todo]
        if arg in _GLOBAL_FLAGS and arg not in declared:
            _root(debug=True)
        elif flag in _GLOBAL_VALUES and flag not in declared and (equals or todo):
            _root(config=Path(value if equals else todo.pop(0)))
        else:
            left.append(arg)
    return left


app = typer.Typer(
    cls=LazyCommands,
    help="Talk to a GPU fleet, and hand it a metric to improve.",
    epilog="Exit codes: 0 done, 1 you must act, 2 wrong usage or configuration.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"llo11ypop {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    config: Annotated[
        Path | None,
        typer.Option(help="Directory with llo11ypop.yaml, catalog/, playbooks/ …, or one settings file."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an unexpected error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)] = False,
) -> None:
    if config is not None:
        from llo11ypop.settings import use_config

        use_config(config)
    if debug:
        sys.excepthook = sys.__excepthook__


def run(argv: Sequence[str]) -> int:
    """Run one command line; returns its exit code. An error that we know is one line on stderr."""
    try:
        get_command(app)(args=list(argv), prog_name="llo11ypop")
    except Llo11yPopError as bad:
        print(f"llo11ypop: {bad.line()}", file=sys.stderr)
        return bad.exit_code
    except ModuleNotFoundError as bad:
        if not (bad.name or "").startswith("llo11ypop."):
            raise
        print(f"llo11ypop: this installation lacks {bad.name} — install llo11ypop again", file=sys.stderr)
        return 1
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    return 0


def report_unexpected(kind: type[BaseException], bad: BaseException, trace: TracebackType | None) -> None:
    """The hook for what nobody foresaw: one line, and the traceback in a file of its own."""
    with tempfile.NamedTemporaryFile("w", prefix="llo11ypop-", suffix=".log", delete=False) as log:
        log.writelines(traceback.format_exception(kind, bad, trace))
    what = " ".join(f"{kind.__name__}: {bad}".split())[:300]
    print(f"llo11ypop: unexpected {what} — the traceback is in {log.name} (or use --debug)", file=sys.stderr)


def main() -> None:
    """The `llo11ypop` program."""
    sys.excepthook = report_unexpected
    sys.exit(run(sys.argv[1:]))
