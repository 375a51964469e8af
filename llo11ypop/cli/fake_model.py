"""`llo11ypop fake-model`: a fake endpoint of the OpenAI protocol on loopback, for trying things out without a model or a key."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from llo11ypop.core.errors import ConfigError


def fake_model(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8099,
    rules: Annotated[Path | None, typer.Option(help="What to answer to what (docs/models.md).")] = None,
    fault: Annotated[str, typer.Option(help="A fault: slow, 429, 500, cut_off, prose, empty …; 'list' lists them.")] = "",
    every: Annotated[int, typer.Option(min=1, help="Only every so manieth answer has the fault.")] = 1,
    slow_s: Annotated[float, typer.Option("--slow", min=0, help="Seconds that a slow answer takes.")] = 30.0,
) -> None:
    """Serve a FAKE model on loopback. Its answers are scripted or made from the schema, and mean nothing."""
    from llo11ypop.models.fake import FAULTS, FakeModelServer, load_rules

    if fault == "list":
        for name, text in FAULTS.items():
            print(f"{name:<12} {text}")
        return
    if fault and fault not in FAULTS:
        raise ConfigError(f"no fault named '{fault}'", next_step=f"take one of {', '.join(FAULTS)}")
    try:
        script = load_rules(rules) if rules else ()
        server = FakeModelServer(script, fault=fault, every=every, slow_s=slow_s, port=port)
    except OSError as bad:
        raise ConfigError(f"the fake model cannot be served: {bad}", next_step="correct --rules or --port") from bad
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with server:
        print(
            f"fake-model: a FAKE endpoint, its answers mean nothing: {server.base_url}, models {', '.join(server.names)}",
            flush=True,
        )
        print("In models.yaml, for example:", flush=True)
        print(
            f"  defaults: {{base_url: {server.base_url}, model: {server.names[0]}}}\n  roles: {{query_writer: {{}}}}", flush=True
        )
        stop.wait()


app = typer.Typer(rich_markup_mode=None, add_completion=False)
app.command("fake-model")(fake_model)
