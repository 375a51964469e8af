"""`llo11ypop mcp`: the fleet as read-only tools for other agents, over stdio or streamable HTTP."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer


def mcp(
    http: Annotated[bool, typer.Option("--http", help="Serve streamable HTTP at /mcp instead of stdio.")] = False,
    host: Annotated[str, typer.Option(help="Address for --http. There is no login: keep it on this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port for --http.", min=1, max=65535)] = 8090,
    fleet: Annotated[Path | None, typer.Option(help="Telemetry file instead of telemetry.path.")] = None,
) -> None:
    """Serve the tools ask, goals, proposals, evidence and report over the Model Context Protocol."""
    from llo11ypop.observability.logs import configure_logging
    from llo11ypop.settings import load_settings

    settings = load_settings(None, **({"telemetry": {"path": fleet}} if fleet else {}))
    configure_logging("error", settings.logging.format)
    asyncio.run(_serve(settings, host if http else "", port, foreign=fleet is not None))


async def _serve(settings: Any, host: str, port: int, *, foreign: bool) -> None:
    """Until the input ends, or for ever over HTTP."""
    from llo11ypop.daemon.conversing import conversing
    from llo11ypop.mcp_server import build_server

    async with conversing(settings, foreign=foreign) as deps:
        server = build_server(deps, host=host or "127.0.0.1", port=port, hosts=settings.console.hosts)
        if host:
            typer.echo(f"llo11ypop: MCP at http://{host}:{port}/mcp", err=True)
            await server.run_streamable_http_async()
        else:
            await server.run_stdio_async()
