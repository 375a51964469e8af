"""A real Prometheus of the tests' own on loopback, its samples written by promtool before it starts."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.server_process import UnavailableError, free_port, wait_for

START_S = 30
Sample = tuple[str, Mapping[str, str], float, float]
"""(metric, labels, seconds since 1970, value)."""


def programs() -> tuple[str, str]:
    """prometheus and promtool. Raises UnavailableError."""
    found = shutil.which("prometheus"), shutil.which("promtool")
    if None in found:
        raise UnavailableError("the programs prometheus and promtool are not installed (Debian package prometheus)")
    return str(found[0]), str(found[1])


def exposed(samples: Sequence[Sample]) -> str:
    """Samples as OpenMetrics text: series together, each in order of time."""
    lines: list[str] = []
    metric = ""
    for name, labels, stamp, value in sorted(samples, key=lambda s: (s[0], sorted(s[1].items()), s[2])):
        if name != metric:
            lines.append(f"# TYPE {name} gauge")
            metric = name
        inner = ",".join(f'{k}="{v}"' for k, v in sorted(labels.items()))
        lines.append(f"{name}{{{inner}}} {value!r} {stamp!r}")
    return "\n".join([*lines, "# EOF", ""])


@contextmanager
def running(samples: Sequence[Sample], *more: str) -> Iterator[str]:
    """The address of a server with these samples. Raises UnavailableError."""
    prometheus, promtool = programs()
    folder = Path(tempfile.mkdtemp(prefix="llo11ypop-prometheus-"))
    (folder / "samples.om").write_text(exposed(samples), encoding="utf-8")
    (folder / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")
    blocks = [promtool, "tsdb", "create-blocks-from", "openmetrics", "samples.om", "data"]
    subprocess.run(blocks, cwd=folder, check=True, capture_output=True)  # noqa: S603 - a program of the system, fixed arguments
    port = free_port()
    command = [prometheus, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=100y"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error", *more]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)  # noqa: S603 - as above
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/-/ready", process, "prometheus", START_S)
        yield url
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
