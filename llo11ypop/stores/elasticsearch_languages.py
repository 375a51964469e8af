"""The languages a cluster can be asked in, by the name that the settings use."""

from collections.abc import Callable
from dataclasses import dataclass

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.query.compile import es_dsl, es_sql, esql
from llo11ypop.query.compile.es_native import EsCompiled
from llo11ypop.query.compile.es_sql_names import Index
from llo11ypop.query.fuse import Scan
from llo11ypop.stores.elasticsearch_esql import EsqlReader
from llo11ypop.stores.elasticsearch_read import Reader
from llo11ypop.stores.elasticsearch_search import SearchReader
from llo11ypop.stores.elasticsearch_sql import SqlReader


@dataclass(frozen=True)
class Language:
    """One way to ask."""

    name: str
    compiler: Callable[[Callable[[str], Index]], Callable[[Scan, Catalog, bool], EsCompiled]]
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
LANGUAGES = {language.name: language for language in (SQL, ESQL, DSL)}
