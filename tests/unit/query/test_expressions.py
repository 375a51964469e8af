import pytest

from llo11ypop.query.expr import Call, Name, Op, Value, parse_expr


def test_not_like_keeps_its_not() -> None:
    assert parse_expr("a not like 'x%'").node == Op("not", (Op("like", (Name("a"), Value("x%"))),))


@pytest.mark.parametrize("word", ["row", "user", "count", "type", "key", "value", "end", "state", "partition", "role"])
def test_words_that_sql_knows_are_plain_names_here(word: str) -> None:
    assert parse_expr(f"{word} = 'x'").names() == {word}


@pytest.mark.parametrize(
    "text",
    [
        "a = 1; drop table t", "a in (select 1)", "(select 1) = 1", "a = 1 union select 2", "read_csv('/etc/passwd')",
        "a::int = 1", "cast(a as int) = 1", "t.a = 1", "a = ?", "a = $1", "a[1] = 1", "count(*) > 1", "a over () = 1",
        "case when a then 1 end = 1", "exists (select 1)", "a like 'x' escape '!'", "query('select 1')", "getenv('HOME')",
        "sum_of(x order by y)", "sum_of(x) filter (where a)", "a is true", "*", "a = interval 1 day", "current_user = 'x'",
        "a = {'b': 1}", "lambda x: x", "a ~ 'b'", "x = date '2026-01-01'",
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not allowed|cannot read"):
        parse_expr(text)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("a between 1 and 2", Op("and", (Op(">=", (Name("a"), Value(1))), Op("<=", (Name("a"), Value(2)))))),
        ("-3.5", Value(-3.5)),
        ("1e3", Value(1000.0)),
        ("a is not null", Op("not", (Op("is_null", (Name("a"),)),))),
        ("has_bits(a, 96)", Call("has_bits", (Name("a"), Value(96)))),
        ("a not in ('x', 'y')", Op("not", (Op("in", (Name("a"), Value("x"), Value("y"))),))),
        ("'it''s' = a", Op("=", (Value("it's"), Name("a")))),
    ],
)
def test_text_becomes_nodes(text: str, node: object) -> None:
    assert parse_expr(text).node == node


@pytest.mark.parametrize("text", ["has_bits(a)", "if_else(a, 1)", "coalesce(a)"])
def test_too_few_arguments_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"needs|cannot read"):
        parse_expr(text)


def test_an_endless_expression_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than"):
        parse_expr(" or ".join(["a = 1"] * 1000))
