"""Processes that fork from one server per test process, which has imported everything that they need: a child starts at once."""

import multiprocessing
from multiprocessing.context import ForkServerContext


def processes() -> ForkServerContext:
    """A server is started once and keeps what it imported then, so there is one list for every test."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.forked_imports"])
    return context
