"""Plant attacks where the loop reads: in rows of a copy of a fleet, in the catalog, in what people answered before."""

import base64
import codecs
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import yaml

from llo11ypop.catalog import Catalog
from llo11ypop.core.entity import Entity
from llo11ypop.core.proposal import ReasonCode, Verdict, VerdictKind
from llo11ypop.ledger import SqlLedger
from tests.attacks.loop.stage import AT
from tests.ledger_samples import evidence, proposal

SEARCHED = ("syslog", "k8s_events", "tickets")
"""Rows of these are added beside the ones that are there, as a harmless line of the same node."""
CODES = {
    "base64": lambda t: base64.b64encode(t.encode()).decode(),
    "hex": lambda t: t.encode().hex(),
    "rot13": lambda t: codecs.encode(t, "rot13"),
}


@dataclass(frozen=True)
class Attack:
    """One text in one place."""

    id: str
    place: str
    text: str
    on: str = ""

    @property
    def fragment(self) -> str:
        """What of it would be seen if it got through: its longest line."""
        return max(self.text.split("\n"), key=len).strip()


def attacks() -> list[Attack]:
    """All of them, encoded."""
    told = yaml.safe_load(Path(__file__).with_name("attacks.yaml").read_text(encoding="utf-8"))
    return [Attack(a["id"], a["in"], CODES.get(a.get("code", ""), str)(a["text"]), a.get("of", "")) for a in told]


def planted(clean: Path, path: Path, wanted: Iterable[Attack]) -> Path:
    """A copy of a fleet whose rows of the last day carry the attacks."""
    shutil.copy(clean, path)
    with duckdb.connect(str(path)) as c:
        for attack in wanted:
            dataset, _, column = attack.place.partition(".")
            if dataset not in ("catalog", "verdict"):
                _plant(c, dataset, column, attack)
    return path


def _plant(c: Any, dataset: str, column: str, attack: Attack) -> None:
    if dataset == "syslog":
        text = {"message": "cron: job done", "process": "cron", column: attack.text}
        at = [AT.replace(tzinfo=None) - timedelta(minutes=20), attack.on, text["process"], text["message"]]
        home = "FROM inventory_nodes WHERE node_id = ? LIMIT 1"
        c.execute(
            "INSERT INTO syslog (ts, cluster, node_id, facility, severity, process, message)"
            f" SELECT ?, cluster, node_id, 'daemon', 'info', ?, ? {home}",
            [at[0], at[2], at[3], at[1]],
        )
        return
    names = {row[0] for row in c.execute(f"DESCRIBE {dataset}").fetchall()}
    owner = next((n for n in ("node_id", "user") if n in names and attack.on.startswith("u1001") == (n == "user")), "")
    where = f'WHERE "{owner}" = ?' if attack.on and owner else ""
    update = f"""UPDATE {dataset} SET "{column}" = coalesce("{column}", '') || ? {where}"""  # noqa: S608 - names of ours
    changed = c.execute(update, [attack.text, *([attack.on] if where else [])]).fetchone()
    assert changed and changed[0], f"{attack.id}: no row of {dataset} to plant it in"


def described(catalog: Catalog, wanted: Iterable[Attack]) -> Catalog:
    """The catalog with attacks in its descriptions."""
    datasets = dict(catalog.datasets)
    for attack in wanted:
        kind, _, rest = attack.place.partition(".")
        if kind == "catalog":
            name, _, field = rest.partition(".")
            fields = dict(datasets[name].fields)
            if field:
                fields[field] = fields[field].model_copy(update={"description": attack.text, "synonyms": (attack.text,)})
            own = attack.text if not field else datasets[name].description
            datasets[name] = datasets[name].model_copy(update={"fields": fields, "description": own})
    return replace(catalog, datasets=datasets)


async def answered(wanted: Iterable[Attack] = ()) -> SqlLedger:
    """A ledger in which a proposal of another place was rejected as noise, with a comment, by every attacker or by one person."""
    ledger = SqlLedger.in_memory()
    said = [a for a in wanted if a.place.startswith("verdict.")]
    for number, attack in enumerate(said or [Attack("nobody", "verdict.comment", "seen this before")] * 3, start=1):
        made = proposal(
            number,
            cause="F99",
            dedup_key=f"attacked-{number}",
            created_at=AT - timedelta(hours=3),
            expires_at=AT + timedelta(days=2),
        )
        made = replace(made, entities=(Entity.parse(f"node:gpu-z-{number:03d}"),))
        await ledger.file(made, [evidence()])
        rater = attack.text if attack.place == "verdict.rater" else "ana"
        comment = attack.text if attack.place == "verdict.comment" else ""
        verdict = Verdict(VerdictKind.REJECT, rater, AT - timedelta(hours=2), ReasonCode.NOISE, comment)
        await ledger.record_verdict(made.id, verdict, lease=timedelta(seconds=30))
    return ledger
