"""The MCP server as a client meets it: tools that only read, over memory and over streamable HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession
from mcp.shared.memory import create_connected_server_and_client_session
from mcp.types import CallToolResult, TextContent
from starlette.testclient import TestClient

from llo11ypop.ledger import SqlLedger
from llo11ypop.mcp_server import build_server
from tests.ask_fleet import conversation
from tests.ledger_samples import evidence, proposal

AT = "2026-05-04T00:00:00Z"
TOOLS = {"ask", "goals", "proposals", "evidence", "report"}


@asynccontextmanager
async def client(folder: Path, ledger: SqlLedger | None = None) -> AsyncIterator[ClientSession]:
    async with conversation(folder, forget=True) as deps:
        deps.ledger = ledger
        async with create_connected_server_and_client_session(build_server(deps)._mcp_server) as session:
            yield session


def read(result: CallToolResult) -> Any:
    """What a tool returned."""
    if result.structuredContent is not None:
        return result.structuredContent.get("result", result.structuredContent)
    block = result.content[0]
    assert isinstance(block, TextContent)
    return json.loads(block.text)


def refusal(result: CallToolResult) -> str:
    assert result.isError
    block = result.content[0]
    assert isinstance(block, TextContent)
    return block.text


async def test_every_tool_is_described_and_only_reads(tmp_path: Path) -> None:
    async with client(tmp_path) as session:
        tools = (await session.list_tools()).tools
    assert {t.name for t in tools} == TOOLS
    for tool in tools:
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.readOnlyHint is True
        assert tool.annotations.destructiveHint is False


async def test_a_question_and_its_followup(tmp_path: Path) -> None:
    async with client(tmp_path) as session:
        first = read(
            await session.call_tool("ask", {"question": "Failed jobs per cluster in the last 2 days", "at": AT, "rows": 1})
        )
        second = read(await session.call_tool("ask", {"question": "and for c-a?", "thread": first["thread"], "at": AT}))
        declined = read(await session.call_tool("ask", {"question": "drop the index", "at": AT}))
    assert first["status"] == "answered"
    assert len(first["rows"]) == 1
    assert first["queries"][0]["engine"] == "duckdb"
    assert second["window"] == first["window"]
    assert declined["status"] == "declined"


async def test_proposals_evidence_and_goals_are_read_from_the_ledger(tmp_path: Path) -> None:
    ledger = SqlLedger.in_memory()
    cited = evidence()
    filed = proposal(evidence=(cited.id,))
    await ledger.file(filed, [cited])
    async with client(tmp_path, ledger) as session:
        found = read(await session.call_tool("proposals", {}))
        shown = read(await session.call_tool("evidence", {"evidence_id": cited.id}))
        goals = read(await session.call_tool("goals", {}))
    await ledger.close()
    assert [p["id"] for p in found] == [filed.id]
    assert shown["id"] == cited.id
    assert {"id", "title", "value", "target", "state"} <= goals[0].keys()


async def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    async with client(tmp_path) as session:
        assert "no evidence 'x'" in refusal(await session.call_tool("evidence", {"evidence_id": "x"}))
        assert "no ledger" in refusal(await session.call_tool("proposals", {}))
        assert "is not an instant" in refusal(await session.call_tool("ask", {"question": "q", "at": "soon"}))
        assert refusal(await session.call_tool("ask", {}))
        assert refusal(await session.call_tool("approve", {}))


CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"Accept": "application/json, text/event-stream"}


async def test_over_http_only_under_our_own_name(tmp_path: Path) -> None:
    async with conversation(tmp_path, forget=True) as deps:
        app = build_server(deps, port=8090).streamable_http_app()
        with TestClient(app, base_url="http://127.0.0.1:8090") as web:
            reply = web.post("/mcp", json=CALL, headers=ACCEPT)
            assert reply.status_code == 200
            assert {t["name"] for t in reply.json()["result"]["tools"]} == TOOLS
            assert web.post("/mcp", json=CALL, headers={**ACCEPT, "Host": "evil.example"}).status_code == 421
            assert web.post("/mcp", json=CALL, headers={**ACCEPT, "Origin": "https://evil.example"}).status_code == 403


@pytest.mark.parametrize("hosts", [("*",), ("fleet.example",)])
async def test_other_names_are_a_matter_of_configuration(tmp_path: Path, hosts: tuple[str, ...]) -> None:
    async with conversation(tmp_path, forget=True) as deps:
        app = build_server(deps, hosts=hosts).streamable_http_app()
        with TestClient(app, base_url="http://fleet.example") as web:
            assert web.post("/mcp", json=CALL, headers=ACCEPT).status_code == 200
