"""The languages a cluster can be asked in, by the name that the settings use."""

from dataclasses import dataclass

from llo11ypop.query.compile import es_dsl, es_sql, esql
from llo11ypop.query.compile.es_either import Compiler, either
from llo11ypop.stores.elasticsearch_esql import EitherReader, EsqlReader
from llo11ypop.stores.elasticsearch_read import Reader
from llo11ypop.stores.elasticsearch_search import SearchReader
from llo11ypop.stores.elasticsearch_sql import SqlReader


@dataclass(frozen=True)
class Language:
    """One way to ask."""

    name: str
    compiler: Compiler
    reader: type[Reader]
    plain: bool = False
    """Whether OpenSearch and old clusters understand it, so that ordinary headers are sent."""
    joins: bool = False
    """Whether it joins lookup indices."""
    strict: bool = True
    """Whether a query fails that names a field which is not there."""


SQL = Language("sql", es_sql.compiler, SqlReader)
DSL = Language("dsl", es_dsl.compiler, SearchReader, plain=True, strict=False)
ESQL = Language("esql", esql.compiler, EsqlReader, joins=True)
AUTO = Language("auto", either(es_sql.compiler, esql.compiler), EitherReader)
"""SQL, and ES|QL for the selects that SQL cannot say."""
LANGUAGES = {language.name: language for language in (AUTO, SQL, ESQL, DSL)}
