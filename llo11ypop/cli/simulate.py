"""`llo11ypop simulate`: write a simulated fleet, check its calibration, or let one live."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from llo11ypop.simulator.spec import SimulationSpec


def simulate(  # noqa: PLR0917 - typer reads options from the signature
    out: Annotated[Path, typer.Option(help="DuckDB file to write; the truth lies beside it.")] = Path("fleet.duckdb"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same rows.")] = 1,
    gpus: Annotated[int, typer.Option(help="Fleet size, a multiple of 8.")] = 512,
    days: Annotated[float, typer.Option(help="Length in days.")] = 21.0,
    start: Annotated[str, typer.Option(help="First instant, ISO 8601, UTC.")] = "2026-05-01T00:00:00Z",
    profile: Annotated[str, typer.Option(help="full: every counter; default: what dcgm-exporter exports by default.")] = "full",
    acceleration: Annotated[float, typer.Option(help="Multiplies published fault rates; 1 is a real fleet.")] = 15.0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No incidents, all decoys.")] = False,
    scenario: Annotated[Path | None, typer.Option(help="YAML with the incidents to inject instead of drawn ones.")] = None,
    events_only: Annotated[bool, typer.Option("--events-only", help="No metric tables: for very large fleets.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Compare with published figures; exit 1 outside.")] = False,
    acme: Annotated[Path | None, typer.Option(help="Acme utilisation_cdfs.csv for the full comparison of --verify.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Append to --out as (accelerated) time passes.")] = False,
    acceleration_of_time: Annotated[float, typer.Option(help="Fleet seconds per second of --live.")] = 60.0,
    break_: Annotated[
        list[str] | None,
        typer.Option("--break", help="Inject MODE or MODE@entity at once, for example F16@gpu-a-003 (with --live)."),
    ] = None,
    hours: Annotated[float, typer.Option(help="Stop --live after so many fleet hours; 0 runs until interrupted.")] = 0.0,
    json: Annotated[bool, typer.Option("--json", help="Print figures and content hashes as JSON.")] = False,
) -> None:
    """Write a simulated fleet with known incidents."""
    from llo11ypop.core.clock import parse_instant
    from llo11ypop.core.errors import ConfigError
    from llo11ypop.simulator.spec import SimulationSpec

    try:
        start_at = parse_instant(start)
    except ValueError as bad:
        raise ConfigError(f"--start '{start}' is not an instant", next_step="write for example 2026-05-01T00:00:00Z") from bad
    spec = SimulationSpec(
        seed=seed, gpus=gpus, days=days, start_at=start_at, profile=profile, acceleration=acceleration, quiet=quiet,
        events_only=events_only, scenario=scenario,
    )  # fmt: skip
    if verify:
        _verify(seed, acme, json)
    elif live:
        _live(spec, out, acceleration_of_time, break_ or [], hours)
    else:
        _write(spec, out, json)


def _write(spec: "SimulationSpec", out: Path, json: bool) -> None:
    """Simulate, write, and say what was written."""
    from time import perf_counter

    from llo11ypop.simulator.simulate import simulate as build
    from llo11ypop.simulator.truth import truth_path, write_truth
    from llo11ypop.simulator.writer import check_target, write_fleet

    check_target(out)
    began = perf_counter()
    world, truths = build(spec)
    counts = write_fleet(world, out)
    write_truth(truth_path(out), truths)
    took = perf_counter() - began
    decoys = sum(t.is_decoy for t in truths)
    if json:
        import json as codec

        from llo11ypop.simulator.hashes import table_hashes

        figures = {
            "out": str(out), "truth": str(truth_path(out)), "seed": spec.seed, "rows": counts, "incidents": len(truths) - decoys,
            "decoys": decoys, "seconds": round(took, 1), "hashes": table_hashes(out),
        }  # fmt: skip
        typer.echo(codec.dumps(figures))
        return
    size = out.stat().st_size / 1e6
    typer.echo(
        f"{out}: {spec.gpus:,} GPUs × {spec.days:g} days, {sum(counts.values()):,} rows, {size:.0f} MB, {took:.0f} s (simulated)"
    )
    for name, rows in sorted(counts.items(), key=lambda item: -item[1]):
        if rows:
            typer.echo(f"  {name:<24}{rows:>12,}")
    rates = f"fault rates × {spec.acceleration:g} of published" if not spec.quiet else "quiet"
    typer.echo(f"{len(truths) - decoys} incidents, {decoys} decoys ({rates}); truth: {truth_path(out)}")


def _verify(seed: int, acme: Path | None, json: bool) -> None:
    """Print measured figures against published ranges; exit 1 when one lies outside."""
    from llo11ypop.simulator.verify import verify

    checks = verify(seed, acme=acme, progress=None if json else typer.echo)
    if json:
        import json as codec
        from dataclasses import asdict

        typer.echo(codec.dumps([asdict(c) | {"ok": c.ok} for c in checks]))
    else:
        for check in checks:
            typer.echo(
                f"{'ok ' if check.ok else 'OUT'} {check.name:<34}{check.measured:>9.3f}   "
                f"[{check.low:g}, {check.high:g}]   {check.source}"
            )
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _live(spec: "SimulationSpec", out: Path, factor: float, breaks: list[str], hours: float) -> None:
    """Append rows until interrupted."""
    from llo11ypop.simulator.live import run_live

    run_live(spec, out, factor=factor, breaks=breaks, hours=hours, say=typer.echo)
