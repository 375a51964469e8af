"""A conversation on the terminal: one thread, a number takes a follow-up, `:new` starts over, an empty line or `:quit` ends."""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console

from llo11ypop.ask.draw import drawn
from llo11ypop.cli.ask_view import show
from llo11ypop.core.errors import Llo11yPopError
from llo11ypop.settings import Settings

if TYPE_CHECKING:
    from llo11ypop.ask.deps import AskDeps
    from llo11ypop.core.question import Answer

HELP = "Ask about the fleet. A number takes a follow-up; :new starts over, :explain shows the agents' steps, :quit ends."


def talk(settings: Settings, thread: str | None, at: datetime | None, *, explain: bool, foreign: bool) -> None:
    """Read questions until the end of input."""
    console = Console(highlight=False, markup=False, emoji=False)
    with asyncio.Runner() as runner:
        from llo11ypop.daemon.conversing import conversing

        opened = conversing(settings, foreign=foreign)
        deps = runner.run(opened.__aenter__())
        try:
            console.print(HELP, style="dim")
            _Talk(console, runner, deps, settings, thread, at, explain).run()
        finally:
            runner.run(opened.__aexit__(None, None, None))


class _Talk:
    """What a conversation on a terminal remembers."""

    def __init__(
        self, console: Console, runner: asyncio.Runner, deps: "AskDeps", settings: Settings, thread: str | None,
        at: datetime | None, explain: bool,
    ) -> None:  # fmt: skip
        self.console, self.runner, self.deps, self.settings = console, runner, deps, settings
        self.thread, self.at, self.explain = thread, at, explain
        self.offered: tuple[str, ...] = ()

    def run(self) -> None:
        """Until an empty line, `:quit` or the end of input."""
        while (said := self._line()) not in ("", ":quit", ":q", "exit", "quit"):
            if said == ":new":
                self.thread, self.offered = None, ()
            elif said == ":explain":
                self.explain = not self.explain
                self.console.print(f"steps are {'shown' if self.explain else 'hidden'}", style="dim")
            elif said.startswith(":"):
                self.console.print(HELP, style="dim")
            else:
                self._answer(self._meant(said))

    def _line(self) -> str:
        try:
            return input("\n> ").strip()
        except (EOFError, KeyboardInterrupt):
            return ""

    def _meant(self, said: str) -> str:
        if said.isdigit() and 0 < int(said) <= len(self.offered):
            chosen = self.offered[int(said) - 1]
            self.console.print(chosen, style="dim")
            return chosen
        return said

    def _answer(self, question: str) -> None:
        from llo11ypop.ask.conversation import ask

        try:
            answer: Answer = self.runner.run(ask(question, self.deps, thread=self.thread, at=self.at))
        except Llo11yPopError as bad:
            self.console.print(f"llo11ypop: {bad.line()}", style="red")
            return
        answer = drawn(answer, question, self.settings.ask.charts, asked=False)
        self.thread, self.offered = answer.thread, answer.followups
        show(answer, self.console, explain=self.explain)
