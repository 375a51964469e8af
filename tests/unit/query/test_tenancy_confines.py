"""A principal reads only what their clusters and accounts cover, and people's names can be kept from them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llo11ypop.core.principal import OPERATOR, AccessError, Principal
from llo11ypop.query.expr import Call, Name, Node, Op, Value, parse_expr
from llo11ypop.query.pseudonyms import personal_columns, pseudonym, pseudonymise
from llo11ypop.query.tenancy import NOBODYS, ConfinedStore, confine, to_text
from tests.conformance.store_tables import AT, catalog, plan, store_of

A = Principal("a", clusters=frozenset({"c-a"}))
TEAM = Principal("team", clusters=frozenset({"c-a"}), accounts=frozenset({"vision"}))
JOBS = [
    {"end_at": 10, "job_id": 1, "cluster": "c-a", "account": "vision", "user": "ann", "state": "FAILED"},
    {"end_at": 20, "job_id": 2, "cluster": "c-a", "account": "speech", "user": "bob", "state": "FAILED"},
    {"end_at": 30, "job_id": 3, "cluster": "c-b", "account": "vision", "user": "ann", "state": "FAILED"},
]
FAILED: dict[str, Any] = {"dataset": "slurm_jobs", "window": "1d", "measures": {"n": {"agg": "count"}}}


async def count(principal: Principal, **parts: Any) -> int:
    store = ConfinedStore(store_of({"slurm_jobs": JOBS}), principal, catalog())
    evidence = await store.run(plan(**{**FAILED, **parts}), AT)
    return int(evidence.rows.to_pylist()[0]["n"]) if evidence.row_count else 0


@pytest.mark.parametrize(
    ("principal", "jobs"),
    [
        (OPERATOR, 3),
        (A, 2),
        (TEAM, 1),
        (Principal("none", clusters=frozenset()), 0),
        (Principal("accounts", accounts=frozenset({"vision"})), 2),
        (Principal("quote", clusters=frozenset({"c-a' or 'x' = 'x"})), 0),
    ],
)
async def test_rows_outside_the_scope_do_not_count(principal: Principal, jobs: int) -> None:
    assert await count(principal) == jobs


@pytest.mark.parametrize("where", ["cluster = 'c-b'", "cluster = 'c-b' or cluster = 'c-a'", "true or account = 'speech'"])
async def test_a_filter_of_the_question_cannot_widen_the_scope(where: str) -> None:
    assert await count(Principal("b", clusters=frozenset({"c-x"})), where=where) == 0


async def test_every_select_of_many_plans_is_confined() -> None:
    store = ConfinedStore(store_of({"slurm_jobs": JOBS}), A, catalog())
    joined = plan(
        steps={
            "all": {**FAILED, "by": ["cluster"]},
            "other": {**FAILED, "by": ["cluster"], "where": "cluster = 'c-b'"},
            "both": {"op": "union", "sources": ["all", "other"]},
        }
    )
    read = await store.run_many({"one": plan(**FAILED), "two": joined}, AT)
    assert read["one"].rows.to_pylist() == [{"n": 2}]
    assert read["two"].rows.to_pylist() == [{"cluster": "c-a", "n": 2}]


def test_a_cluster_is_reached_over_a_relation() -> None:
    confined = confine(plan(dataset="inventory_gpus", measures={"n": {"agg": "count"}}), A, catalog())
    where = confined.selects["result"].where
    assert where is not None and where.names() == {"cluster"}


@pytest.mark.parametrize(
    ("principal", "dataset"),
    [(A, "technicians"), (A, "inventory_sites"), (TEAM, "training_steps"), (TEAM, "k8s_events"), (TEAM, "user_exclusions")],
)
def test_what_cannot_be_confined_is_refused(principal: Principal, dataset: str) -> None:
    window = "1d" if catalog().datasets[dataset].time else None
    with pytest.raises(AccessError, match="cannot be confined"):
        confine(plan(dataset=dataset, window=window, measures={"n": {"agg": "count"}}), principal, catalog())


def test_free_text_is_kept_from_who_may_read_some_accounts_only() -> None:
    counted = plan(dataset="syslog", window="1h", measures={"n": {"agg": "count"}})
    assert confine(counted, TEAM, catalog()).selects["result"].where is not None
    free = next(n for n, f in catalog().datasets["syslog"].fields.items() if f.free_text)
    with pytest.raises(AccessError):
        confine(plan(dataset="syslog", window="1h", fields=[free], limit=5), TEAM, catalog())


@pytest.mark.parametrize("dataset", sorted(NOBODYS))
def test_what_belongs_to_nobody_is_open(dataset: str) -> None:
    parts: dict[str, Any] = {"dataset": dataset, "measures": {"n": {"agg": "count"}}}
    if catalog().datasets[dataset].time:
        parts["window"] = "1d"
    assert confine(plan(**parts), A, catalog()) == plan(**parts)


@pytest.mark.parametrize("dataset", sorted(catalog().datasets))
def test_every_dataset_is_confined_refused_or_nobodys(dataset: str) -> None:
    parts: dict[str, Any] = {"dataset": dataset, "measures": {"n": {"agg": "count"}}}
    if catalog().datasets[dataset].timed:
        parts["window"] = "1d"
    try:
        confined = confine(plan(**parts), TEAM, catalog())
    except AccessError:
        return
    where = confined.selects["result"].where
    assert dataset in NOBODYS or (where is not None and "cluster" in where.names())


def test_nothing_changes_for_who_reads_everything() -> None:
    asked = plan(**FAILED)
    assert confine(asked, OPERATOR, catalog()) is asked


names = st.sampled_from(["cluster", "user", "x y", 'q"t']).map(Name)
values = st.one_of(
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=8), st.integers(0, 99), st.booleans(), st.none()
)
leaves = st.one_of(names, values.map(Value))


def wider(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.flatmap(lambda p: st.sampled_from(["=", "<", "and", "or", "+", "*"]).map(lambda op: Op(op, p))),
        inner.map(lambda n: Op("not", (n,))),
        names.map(lambda n: Op("is_null", (n,))),
        st.tuples(names, leaves, leaves).map(lambda a: Op("in", a)),
        pairs.map(lambda p: Call("coalesce", p)),
    )


@settings(max_examples=60, deadline=None)
@given(st.recursive(leaves, wider, max_leaves=8))
def test_an_expression_written_out_reads_back_the_same(node: Node) -> None:
    assert parse_expr(to_text(node)).node == node


@pytest.mark.parametrize(
    ("parts", "personal"),
    [
        ({**FAILED, "by": ["user"]}, {"user": False}),
        ({**FAILED, "by": ["account"]}, {}),
        (
            {**FAILED, "measures": {"who": {"agg": "list", "field": "user"}, "n": {"agg": "count_distinct", "field": "user"}}},
            {"who": True},
        ),
        ({"dataset": "slurm_jobs", "window": "1d", "fields": ["job_id", "user"], "limit": 3}, {"user": False}),
        (
            {
                "steps": {
                    "a": {**FAILED, "by": ["user", "cluster"]},
                    "b": {"op": "group", "source": "a", "by": ["cluster"], "measures": {"top": {"agg": "max", "field": "user"}}},
                }
            },
            {"top": False},
        ),
        (
            {
                "steps": {
                    "a": {**FAILED, "by": ["user"]},
                    "b": {"op": "derive", "source": "a", "columns": {"label": "concat(user, '!')", "m": "n + 1"}},
                }
            },
            {"user": False, "label": False},
        ),
        (
            {
                "steps": {
                    "a": {**FAILED, "by": ["account"], "measures": {"user": {"agg": "first", "field": "user"}}},
                    "b": {**FAILED, "by": ["account"], "measures": {"user": {"agg": "last", "field": "user"}}},
                    "c": {"op": "join", "left": "a", "right": "b", "on": ["account"]},
                    "d": {"op": "rank", "source": "c", "by": "account"},
                }
            },
            {"user": False, "b_user": False},
        ),
    ],
)
def test_columns_that_name_people_are_followed_through_a_plan(parts: dict[str, Any], personal: dict[str, bool]) -> None:
    assert personal_columns(plan(**parts), catalog()) == personal


async def test_a_person_has_one_pseudonym_everywhere() -> None:
    store = store_of({"slurm_jobs": JOBS})
    by_user = plan(**{**FAILED, "by": ["user"], "order": [{"by": "n", "desc": True}]})
    listed = plan(**{**FAILED, "measures": {"who": {"agg": "list", "field": "user"}}})
    rows = pseudonymise((await store.run(by_user, AT)).rows, catalog(), by_user, b"salt").to_pylist()
    assert rows == [{"user": pseudonym("ann", b"salt"), "n": 2}, {"user": pseudonym("bob", b"salt"), "n": 1}]
    who = pseudonymise((await store.run(listed, AT)).rows, catalog(), listed, b"salt").to_pylist()[0]["who"]
    assert set(who.split(", ")) == {pseudonym("ann", b"salt"), pseudonym("bob", b"salt")}
    assert pseudonym("ann", b"salt") != pseudonym("ann", b"pepper") and "ann" not in pseudonym("ann", b"salt")
