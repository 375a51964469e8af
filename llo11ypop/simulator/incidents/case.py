"""The case file of one incident: paints its signature into the world and remembers where and when it shows.

Every stroke that touches a table also records the first moment a row shows it and the evidence for the truth.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from llo11ypop.simulator.incidents import lines
from llo11ypop.simulator.incidents.kinds import EXPECTED, KINDS
from llo11ypop.simulator.incidents.placement import Placement, locate
from llo11ypop.simulator.truth import Evidence, Truth, is_opt_in
from llo11ypop.simulator.world import World

Shape = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
"""An effect over time: seconds since its start, to a value per step."""

GAP_STEPS = 2
"""Steps without a row after which silence is something one can see (our assumption)."""
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


def rise(over_s: float) -> Shape:
    """0 at the start, 1 after `over_s`, straight in between."""
    return lambda t: np.clip(t / max(over_s, 1.0), 0.0, 1.0)


class Case:
    """What one incident does. `t` and `end` are its seconds, `k` its strength, `place` its surroundings."""

    def __init__(self, world: World, at: Placement, mode: str) -> None:
        self.world, self.at, self.mode, self.rng = world, at, mode, at.rng
        self.t, self.end, self.k = at.start_s, at.end_s, at.strength
        self.place = locate(world.shape, at.entity)
        self.nodes = list(at.nodes or self.place.nodes)
        self.node = self.place.node or (self.nodes[0] if self.nodes else "")
        self.first: dict[str, float] = {}
        self.proof: list[Evidence] = []
        self.ticket_id = ""
        self.strokes: list[Callable[[], None]] = []
        self.last_strokes: list[Callable[[], None]] = []
        self.repaired = self.reloaded = False

    # ---- chance ------------------------------------------------------------------------------------------------
    def within(self, low: float, high: float) -> float:
        """A draw between two bounds."""
        return float(self.rng.uniform(low, high))

    def scaled(self, low: float, high: float) -> float:
        """A value of the range by strength, with a little spread."""
        return float(low + (high - low) * np.clip(self.k + self.rng.normal(0, 0.08), 0, 1))

    def chance(self, p: float) -> bool:
        """True with probability p."""
        return bool(self.rng.random() < p)

    def one_of(self, *choices: Any) -> Any:
        """One of the choices."""
        return choices[int(self.rng.integers(len(choices)))]

    def gpus(self, node_id: str = "") -> list[str]:
        """UUIDs of a node's GPUs, by slot."""
        return [g.gpu_uuid for g in self.world.shape.node_gpus(node_id or self.node)]

    def units(self, dataset: str, **static: str) -> list[str]:
        """Entities of a grid by their static columns; empty where the world has no such grid or column."""
        grid = self.world.grid(dataset)
        if grid is None or any(name not in grid.static for name in static):
            return []
        return [grid.entities[i] for i in grid.where(**static)]

    # ---- what is seen ------------------------------------------------------------------------------------------
    def see(
        self, table: str, column: str, where: str, start_s: float, end_s: float, *, decisive: bool = True, count: bool = True
    ) -> None:
        """Note a place where the incident shows. Nothing is noted outside the world; `count` = it dates the table."""
        if start_s >= self.world.duration_s:
            return
        self.proof.append(
            Evidence(
                table,
                column,
                where,
                self.world.at(start_s),
                self.world.at(max(end_s, start_s)),
                decisive,
                is_opt_in(table, column),
            )
        )
        visible = self.world.profile == "full" or not is_opt_in(table, column)
        if count and visible:
            self.first[table] = min(self.first.get(table, np.inf), max(start_s, 0.0))

    def _stroke(
        self,
        dataset: str,
        entities: Iterable[str],
        column: str,
        how: str,
        value: Any,
        start_end: tuple[float | None, float | None],
        *,
        onset_s: float,
        where: str,
        decisive: bool,
    ) -> None:
        """Paint on a grid and note it; a grid or column this world lacks is passed over."""
        start, end = self.t if start_end[0] is None else start_end[0], self.end if start_end[1] is None else start_end[1]
        wanted = [entities] if isinstance(entities, str) else list(entities)
        grid = self.world.grid(dataset)
        if grid is None or column not in grid.columns:
            return
        rows, span = grid.rows(wanted), grid.span(start, end)
        if not len(rows) or span.stop <= span.start:
            return
        values = value(np.arange(span.start, span.stop) * grid.step_s - start) if callable(value) else value
        self.strokes.append(lambda: getattr(grid, how)(column, rows, span, values))
        seen = grid.span(start + onset_s, end).start * grid.step_s
        self.see(dataset, column, where or _in(wanted), seen, end, decisive=decisive)

    def put(self, dataset: str, entities: Iterable[str], column: str, value: Any, start_s: float | None = None,
            end_s: float | None = None, *, where: str = "", decisive: bool = True) -> None:  # fmt: skip
        """Set a column over a span (the incident's own unless told)."""
        self._stroke(dataset, entities, column, "put", value, (start_s, end_s), onset_s=0.0, where=where, decisive=decisive)

    def shift(self, dataset: str, entities: Iterable[str], column: str, value: float | Shape, start_s: float | None = None,
              end_s: float | None = None, *, onset_s: float = 0.0, where: str = "", decisive: bool = True) -> None:  # fmt: skip
        """Add to a gauge over a span; `onset_s` = when a slow rise has become plain."""
        self._stroke(dataset, entities, column, "shift", value, (start_s, end_s), onset_s=onset_s, where=where, decisive=decisive)

    def scale(self, dataset: str, entities: Iterable[str], column: str, value: float | Shape, start_s: float | None = None,
              end_s: float | None = None, *, onset_s: float = 0.0, where: str = "", decisive: bool = True) -> None:  # fmt: skip
        """Multiply a gauge over a span."""
        self._stroke(dataset, entities, column, "scale", value, (start_s, end_s), onset_s=onset_s, where=where, decisive=decisive)

    def count(self, dataset: str, entities: Iterable[str], column: str, total: float, start_s: float | None = None,
              end_s: float | None = None, *, onset_s: float = 0.0, where: str = "", decisive: bool = True) -> None:  # fmt: skip
        """Let a counter grow by `total` between two instants (at once when they are the same)."""
        start, end = self.t if start_s is None else start_s, self.end if end_s is None else end_s
        wanted = [entities] if isinstance(entities, str) else list(entities)
        grid = self.world.grid(dataset)
        if grid is None or column not in grid.columns:
            return
        rows = grid.rows(wanted)
        if not len(rows) or start >= self.world.duration_s:
            return
        if end <= start:
            self.strokes.append(lambda: grid.bump(column, rows, start, total))
        else:
            self.strokes.append(lambda: grid.ramp(column, rows, start, end, total))
        seen = grid.span(start + max(onset_s, 0.0 if end <= start else grid.step_s), np.inf).start * grid.step_s
        self.see(dataset, column, where or _in(wanted), seen, max(end, start + grid.step_s), decisive=decisive)

    def silence(self, dataset: str, entities: Iterable[str], start_s: float | None = None, end_s: float | None = None,
                *, decisive: bool = True, note: bool = True) -> None:  # fmt: skip
        """Stop the rows of some entities; the gap is seen after two missing steps."""
        start, end = self.t if start_s is None else start_s, self.end if end_s is None else end_s
        wanted = [entities] if isinstance(entities, str) else list(entities)
        self.world.silence(dataset, wanted, start, end)
        grid = self.world.grid(dataset)
        if note and grid is not None and len(grid.rows(wanted)):
            self.see(dataset, "*", f"no rows of {_in(wanted)}", start + GAP_STEPS * grid.step_s, end, decisive=decisive)

    # ---- event rows --------------------------------------------------------------------------------------------
    def row(self, table: str, at_s: float, where: str = "", *, field: str = "*", decisive: bool = True,
            note: bool = True, **columns: Any) -> bool:  # fmt: skip
        """Add one event row; False (and no row) outside the world."""
        if not 0 <= at_s < self.world.duration_s:
            return False
        stamp = "end_at" if table == "slurm_jobs" else "ts"
        self.world.add(table, **{stamp: float(at_s)}, **columns)
        if note:
            self.see(table, field, where, at_s, at_s + 1, decisive=decisive)
        return True

    def xid(self, gpu_uuid: str, code: int, message: str, at_s: float | None = None, *, pid: str = "", process: str = "",
            severity: str = "", link: int | None = None, sticks_until_s: float | None = None, decisive: bool = True,
            collector: str = "journald", **columns: Any) -> None:  # fmt: skip
        """One XID: the log row, and the sticky `xid_last` gauge until the driver is reset."""
        at = self.t if at_s is None else at_s
        gpu = self.world.shape.gpu(gpu_uuid)
        pid = pid or str(int(self.rng.integers(3000, 4_000_000)))
        process = process or self.one_of(*lines.PROCESSES[:-1])
        extra = {**columns} if link is None else {**columns, "link": link}
        self.row(
            "gpu_events", at, f"gpu_uuid = '{gpu_uuid}' and code = {code}", field="code", decisive=decisive,
            node_id=gpu.node_id, gpu_uuid=gpu_uuid, kind="xid", code=code, severity=severity, pid=pid,
            process_name=process, collector=collector, message=message,
            raw=lines.xid_line(gpu.pci, code, message, pid, process), **extra,
        )  # fmt: skip
        self.row("syslog", at, note=False, node_id=gpu.node_id, facility="kern", severity="err", process="kernel",
                 message=lines.xid_line(gpu.pci, code, message, pid, process))  # fmt: skip
        until = (self.end if self.reloaded else self.world.duration_s) if sticks_until_s is None else sticks_until_s
        grid = self.world.grid("gpu_metrics")
        if grid is not None:
            rows, span = grid.rows([gpu_uuid]), grid.span(at, until)
            self.strokes.append(lambda: grid.put("xid_last", rows, span, code))

    def sxid(self, node_id: str, code: int, message: str, at_s: float, *, severity: str = "Fatal", link: int = -1,
             switch: int = 0, decisive: bool = True) -> None:  # fmt: skip
        """One NVSwitch error of a node."""
        pci = f"0000:{5 + switch:02x}:00.0"
        self.row(
            "gpu_events", at_s, f"node_id = '{node_id}' and code = {code}", field="code", decisive=decisive,
            node_id=node_id, kind="sxid", code=code, severity=severity, pci=pci, link=link, collector="journald",
            message=message, raw=lines.sxid_line(switch, pci, code, message, severity),
        )  # fmt: skip
        self.row("syslog", at_s, note=False, node_id=node_id, facility="kern", severity="err", process="kernel",
                 message=lines.sxid_line(switch, pci, code, message, severity))  # fmt: skip

    def log(self, node_id: str, at_s: float, message: str, *, facility: str = "kern", severity: str = "err",
            process: str = "kernel", decisive: bool = False) -> None:  # fmt: skip
        """One system log line."""
        self.row("syslog", at_s, f"node_id = '{node_id}'", field="message", decisive=decisive, node_id=node_id,
                 facility=facility, severity=severity, process=process, message=message)  # fmt: skip

    def check(self, node_id: str, name: str, message: str, at_s: float, until_s: float = 0.0, *, result: int = 2,
              kind: str = "nagios", decisive: bool = True) -> None:  # fmt: skip
        """A failing health check, repeated every hour until `until_s`; passing rows of that check give way."""
        fail_checks(self.world, node_id, name, at_s, max(until_s, at_s + 1), result, message)
        for at in np.arange(at_s, max(until_s, at_s + 1), HOUR):
            self.row("health_checks", float(at), f"node_id = '{node_id}' and check_name = '{name}'", field="result",
                     decisive=decisive, note=at == at_s, node_id=node_id, check_name=name, check_type=kind,
                     result=result, message=message)  # fmt: skip

    def k8s(self, node_id: str, reason: str, message: str, at_s: float, *, kind: str = "Node", name: str = "", count: int = 1,
            type_: str = "Warning", component: str = "kubelet", decisive: bool = False, namespace: str = "",
            user: str = "") -> None:  # fmt: skip
        """One Kubernetes event; nothing on a cluster without Kubernetes."""
        cluster = self.world.shape.node(node_id).cluster if node_id else self.place.cluster
        if "kubernetes" not in self.world.shape.cluster(cluster).orchestrator:
            return
        self.row("k8s_events", at_s, f"node_id = '{node_id}' and reason = '{reason}'", field="reason", decisive=decisive,
                 first_at=max(0.0, at_s - 120.0 * (count - 1)), cluster=cluster, node_id=node_id, namespace=namespace,
                 object_kind=kind, object_name=name or node_id, user=user, reason=reason, type=type_, count=count,
                 component=component, message=message)  # fmt: skip

    # ---- jobs --------------------------------------------------------------------------------------------------
    def fail_jobs(self, jobs: Iterable[int], low_s: float, high_s: float, *, state: str = "FAILED", blame: str = "",
                  exit_code: int = 1, exit_signal: int = 0, reason: str = "", at_s: float | None = None,
                  together: bool = False, requeue: float = 0.6, decisive: bool = False) -> list[int]:  # fmt: skip
        """End jobs between `low_s` and `high_s` after the fault; some are requeued away from the blamed node."""
        base, ended = self.t if at_s is None else at_s, []
        lag = self.within(low_s, high_s)
        for job in sorted({int(j) for j in jobs}):
            end = base + (lag if together else self.within(low_s, high_s))
            if self.world.jobs.fail(job, end, state, exit_code, exit_signal, blame, reason):
                ended.append(job)
                self.see("slurm_jobs", "state", f"job_id = {self.world.jobs.id_of(job)}", end, end + 1, decisive=decisive)
                again = 0.95 if self.world.jobs.column["run"][job] >= 0 else requeue
                if self.world.jobs.column["n_nodes"][job] > 1 and self.chance(again):
                    self.world.requeue(job, delay_s=self.within(300, 1800), avoid=[blame] if blame else [])
        return ended

    def jobs_on(self, node_ids: Iterable[str], at_s: float | None = None) -> list[int]:
        """Jobs that run on any of these nodes at an instant (the fault's start)."""
        when = self.t if at_s is None else at_s
        return sorted({int(j) for n in node_ids for j in self.world.jobs.on_node(n, when)})

    def jobs_of_gpu(self, gpu_uuid: str, at_s: float | None = None) -> list[int]:
        """The job that holds a GPU at an instant, if any."""
        job = self.world.jobs.on_gpu(gpu_uuid, self.t if at_s is None else at_s)
        return [] if job < 0 else [job]

    def _paint(self) -> None:
        """Hand the strokes to the placement's list, or carry them out now."""
        strokes = [*self.strokes, *self.last_strokes]
        self.strokes, self.last_strokes = [], []
        if self.at.later is not None:
            self.at.later.extend(strokes)
        else:
            for stroke in strokes:
                stroke()

    # ---- the record --------------------------------------------------------------------------------------------
    def truth(
        self,
        *,
        mode: str = "",
        level: str = "",
        name: str = "",
        ticket: bool = True,
        queue: str = "",
        severity: str = "",
        expected: str = "",
        acceptable: Sequence[str] = (),
        forbidden: Sequence[str] | None = None,
        causes: Sequence[str] = (),
        text: str = "",
        first_s: float | None = None,
        also: Sequence[str] = (),
        extra: Mapping[str, tuple[str, ...]] | None = None,
        planned: bool = False,
        part: str | None = None,
        related: str = "",
    ) -> Truth:
        """Close the case. What is not said comes from the mode's entry in `KINDS`."""
        mode = mode or self.mode
        kind = KINDS.get(mode)
        level, name = level or self.at.level, name or self.at.name
        places = {**self.place.as_entities(), **({"node": tuple(self.nodes)} if self.nodes else {}), **(extra or {})}
        floor = self.t if first_s is None else first_s
        seen = {k: max(v, floor) for k, v in self.first.items() if max(v, floor) < self.world.duration_s}
        at = self.world.at
        if seen and level in ("gpu", "node", "port", "rack"):
            self.world.detail(level, name, min(seen.values()))
        self._paint()
        return Truth(
            incident_id=f"{mode}-{self.world.seed}-{int(self.t)}-{level}-{name}",
            mode=mode,
            start_at=at(self.t),
            end_at=at(self.end),
            first_observable={k: at(v) for k, v in sorted(seen.items())},
            entity_level=level,
            entity_id=name,
            entities={k: v for k, v in places.items() if v},
            expected_ticket=ticket,
            queue=queue or (kind.queue if kind else ""),
            severity_min=severity or (kind.severity if kind else "S4"),
            expected_action=expected or EXPECTED.get(mode, "NONE"),
            acceptable_actions=tuple(acceptable or (kind.acceptable if kind else ("NONE",))),
            forbidden_actions=tuple((kind.forbidden if kind else ()) if forbidden is None else forbidden),
            acceptable_causes=tuple(causes or (kind.causes if kind else (mode,))),
            dedupe_key=f"{mode}:{level}:{name}",
            evidence=tuple(self.proof),
            root_cause_text=text or (kind.text if kind else mode),
            planned=planned,
            repair_part=(kind.part if kind else "") if part is None else part,
            repaired_at=at(self.end) if self.repaired and self.end < self.world.duration_s else None,
            acceleration=self.world.acceleration,
            seed=self.world.seed,
            acceptable_entities=tuple(also),
            related_id=related,
        )


def fail_checks(world: World, node_id: str, name: str, start_s: float, end_s: float, result: int, message: str) -> None:
    """Turn the passing rows of one health check on one node into failing ones over a span."""
    for chunk in world.events.get("health_checks", []):
        stamps = chunk.get("ts")
        if not isinstance(stamps, np.ndarray) or stamps.size < 2:
            continue
        near = np.flatnonzero((stamps >= start_s) & (stamps < end_s))
        hit = near[_equals(chunk, "node_id", node_id, near) & _equals(chunk, "check_name", name, near)]
        for column, value in (("result", result), ("message", message)) if len(hit) else ():
            if not isinstance(chunk.get(column), np.ndarray) or not chunk[column].flags.writeable:
                chunk[column] = np.array(np.broadcast_to(np.asarray(chunk.get(column, ""), dtype=object), (stamps.size,)))
            chunk[column][hit] = value


def _equals(chunk: dict[str, Any], column: str, word: str, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Where a scalar or array column has a word, among some rows."""
    values = chunk.get(column)
    picked = values[rows] if isinstance(values, np.ndarray) and values.ndim else np.full(len(rows), values, dtype=object)
    return np.asarray(picked == word, dtype=bool)


def _in(names: Sequence[str]) -> str:
    """A short text of which entities: all when few, the count when many."""
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
