"""A report shows a reader what they may see: their clusters, their accounts, and nobody's name."""

from pathlib import Path

import duckdb
import pytest

from llo11ypop.catalog import Catalog, load_catalog
from llo11ypop.core.entity import Entity
from llo11ypop.core.evidence import EvidenceStatus
from llo11ypop.core.fleet import Topology
from llo11ypop.core.principal import Principal
from llo11ypop.core.vocabulary import Level
from llo11ypop.query.plan import Plan
from llo11ypop.query.pseudonyms import pseudonym
from llo11ypop.report.deps import gap
from llo11ypop.report.places import Place, Places
from llo11ypop.report.scope import Reader
from llo11ypop.settings import packaged_config
from llo11ypop.stores.duckdb import DuckDbStore
from tests.ledger_samples import proposal
from tests.report_samples import END, HOUR, START, busy, facts, incident

TENANT = Reader(Principal("tenant", frozenset({"c-a"}), frozenset({"acct-a"})))
HIDING = Reader(Principal("director", pseudonyms=True), b"salt", frozenset({"u1048", "ada.l"}))
BY_ACCOUNT = Plan.model_validate(
    {"dataset": "slurm_jobs", "window": "1d", "by": ["account", "user"], "measures": {"n": {"agg": "count"}}}
)
UNCONFINABLE = Plan.model_validate({"dataset": "inventory_sites", "by": ["site"], "measures": {"n": {"agg": "count"}}})


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(packaged_config())


@pytest.fixture
def store(catalog: Catalog, tmp_path: Path) -> DuckDbStore:
    db = duckdb.connect()
    db.execute('CREATE TABLE slurm_jobs (end_at TIMESTAMP, cluster VARCHAR, account VARCHAR, "user" VARCHAR, job_id BIGINT)')
    for number, (cluster, account, user) in enumerate(
        [("c-a", "acct-a", "u1"), ("c-a", "acct-b", "u1048"), ("c-b", "acct-a", "u3")]
    ):
        at = (END - HOUR).replace(tzinfo=None)
        db.execute("INSERT INTO slurm_jobs VALUES (?, ?, ?, ?, ?)", [at, cluster, account, user, number])
    db.execute("CREATE TABLE inventory_sites (site VARCHAR, provider VARCHAR, region VARCHAR)")
    return DuckDbStore.attach(db, catalog)


async def test_only_the_readers_rows_are_read(store: DuckDbStore, catalog: Catalog) -> None:
    seen = await TENANT.store(store, catalog).run(BY_ACCOUNT, END)
    assert seen.rows.to_pylist() == [{"account": "acct-a", "user": "u1", "n": 1}]


async def test_what_cannot_be_confined_is_missing_and_says_so(store: DuckDbStore, catalog: Catalog) -> None:
    accounts_only = Reader(Principal("tenant", accounts=frozenset({"acct-a"}), clusters=frozenset({"c-a"})))
    seen = await accounts_only.store(store, catalog).run(UNCONFINABLE, END)
    assert seen.status is EvidenceStatus.NOT_EXPORTED
    assert seen.rows.to_pylist() == []
    assert gap(seen, "sites") == "sites: outside your scope"


async def test_names_become_pseudonyms_in_rows(store: DuckDbStore, catalog: Catalog) -> None:
    seen = await HIDING.store(store, catalog).run(BY_ACCOUNT, END)
    assert pseudonym("u1048", b"salt") in {r["user"] for r in seen.rows.to_pylist()}
    assert not {"u1", "u1048", "u3"} & {r["user"] for r in seen.rows.to_pylist()}


async def test_names_in_sentences_are_known_from_the_fleet(store: DuckDbStore) -> None:
    reader = await Reader(Principal("d", pseudonyms=True), b"s").known_to(store, END)
    assert reader.names == {"u1", "u1048", "u3"}
    plain = Reader()
    assert await plain.known_to(store, END) is plain


@pytest.mark.parametrize("text", ["XID 31 in jobs of u1048", "user:u1048.", "(u1048)", "u1048, ada.l", "\nada.l\tsaid"])
def test_names_inside_texts_are_replaced(text: str) -> None:
    hidden = HIDING.hidden({"why": [text], "n": 1048, "at": START})
    assert "u1048" not in hidden["why"][0]
    assert "ada.l" not in hidden["why"][0]
    assert hidden["n"] == 1048 and hidden["at"] == START


def test_words_that_only_contain_a_name_stay() -> None:
    assert HIDING.hidden("gpu1048 u10481 u1048x") == "gpu1048 u10481 u1048x"


def test_an_operator_gets_what_there_is(store: DuckDbStore, catalog: Catalog) -> None:
    assert Reader().store(store, catalog) is store
    assert Reader().scope == ""
    assert Reader().hidden({"u1048": "u1048"}) == {"u1048": "u1048"}


def test_readers_with_other_rights_get_other_reports() -> None:
    scopes = {Reader().scope, TENANT.scope, HIDING.scope, Reader(Principal("x", frozenset({"c-a"}))).scope}
    assert len(scopes) == 4


def test_incidents_of_other_clusters_are_dropped() -> None:
    edges = [
        (Entity(Level.NODE, "gpu-a-001"), Entity(Level.CLUSTER, "c-a")),
        (Entity(Level.NODE, "gpu-a-002"), Entity(Level.CLUSTER, "c-b")),
    ]
    places = Places(Topology.of(edges), {"c-a": Place("c-a"), "c-b": Place("c-b")})
    found = [proposal(1), proposal(2), proposal(3)]
    assert [p.entities[0].id for p in TENANT.proposals(found, places)] == ["gpu-a-001"], "an unknown place is not theirs either"
    assert len(Reader().proposals(found, places)) == 3
    assert TENANT.sees("node:gpu-a-001", places) and not TENANT.sees("part:900-1", places)


def test_a_tenant_sees_incidents_that_took_their_jobs_without_others_names() -> None:
    given = facts(incidents=(incident(others=("user:u1048",)), incident(id="p-9")))
    (seen,) = TENANT.of_incidents(given).incidents
    assert (seen.id, seen.why, seen.others) == ("p-1", (), ())
    assert TENANT.of_incidents(busy()).watch.waiting == ()
    assert Reader().of_incidents(given) is given
