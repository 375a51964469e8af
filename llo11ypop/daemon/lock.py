"""One scheduling process per ledger: a file lock beside it, which the kernel releases however we die."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llo11ypop.core.errors import ConflictError


@contextmanager
def single_instance(path: Path) -> Iterator[None]:
    """Hold the lock. Raises ConflictError, naming the other process, while somebody else holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as taken:
            other = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise ConflictError(
                f"another daemon (process {other}) already works on this ledger ({path})",
                next_step="stop it first, or point ledger.path somewhere else",
            ) from taken
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
