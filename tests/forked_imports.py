# ruff: noqa: F401 - imported so that no child has to
"""What children of crash and race tests import, also late: for the server that they fork from."""

import alembic.command
import langchain_core.tracers.context
import langchain_core.tracers.run_collector
import langchain_core.tracers.stdout
import sqlalchemy.ext.compiler
import uvicorn

import llo11ypop.approvals.postgres_threads
import llo11ypop.console.app
import llo11ypop.daemon.compose
import llo11ypop.daemon.elasticsearch
import llo11ypop.daemon.leader
import llo11ypop.dashboards.channel
import llo11ypop.ooda.cycle
import llo11ypop.stores.duckdb
import tests.crashing
import tests.replicas
from llo11ypop.agents.analysts import analysts

analysts()
