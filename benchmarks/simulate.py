"""How long a simulated fleet takes to build and write: python benchmarks/simulate.py [GPUS] [DAYS] [events]."""

import resource
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from llo11ypop.simulator.simulate import simulate
from llo11ypop.simulator.spec import SimulationSpec
from llo11ypop.simulator.writer import write_fleet


def main() -> None:
    gpus, days = int((sys.argv[1:] or ["512"])[0]), float((sys.argv[2:] or ["21"])[0])
    spec = SimulationSpec(gpus=gpus, days=days, events_only="events" in sys.argv)
    began = perf_counter()
    world, truths = simulate(spec)
    built = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fleet.duckdb")
        rows = sum(write_fleet(world, path).values())
        size = path.stat().st_size / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{gpus:,} GPUs x {days:g} days: build {built - began:.1f} s, write {perf_counter() - built:.1f} s, "
          f"{rows:,} rows, {size:.0f} MB, {len(truths)} truths, peak {peak:.1f} GB")  # fmt: skip


if __name__ == "__main__":
    main()
