"""One language, and another for the selects that the first cannot say."""

from collections.abc import Callable
from dataclasses import replace

from llo11ypop.catalog.catalog import Catalog
from llo11ypop.query.compile.es_native import Answer, EsCompiled
from llo11ypop.query.compile.es_sql_names import Index
from llo11ypop.query.fuse import Scan

Compiler = Callable[[Callable[[str], Index]], Callable[[Scan, Catalog, bool], EsCompiled]]


def either(usual: Compiler, instead: Compiler) -> Compiler:
    """A compiler whose queries in the other language say that they are `instead`. What neither can say is refused as usual."""

    def compiler(indices: Callable[[str], Index]) -> Callable[[Scan, Catalog, bool], EsCompiled]:
        first, second = usual(indices), instead(indices)

        def compile_scan(scan: Scan, catalog: Catalog, few: bool) -> EsCompiled:
            found = first(scan, catalog, few)
            if not found.refused:
                return found
            left = {key: select for key, select in scan.selects.items() if key in found.refused}
            other = second(replace(scan, selects=left), catalog, few)
            for native in other.natives:
                native.instead = True
            answers = {key: _moved(answer, len(found.natives)) for key, answer in other.answers.items()}
            refused = {key: reason for key, reason in found.refused.items() if key not in answers}
            return EsCompiled(found.dataset, (*found.natives, *other.natives), {**found.answers, **answers}, refused)

        return compile_scan

    return compiler


def _moved(answer: Answer, by: int) -> Answer:
    """The same answer where its queries come after others."""
    ladders = tuple(
        replace(ladder, levels=tuple(replace(level, native=level.native + by) for level in ladder.levels))
        for ladder in answer.ladders
    )
    same = (answer.same[0] + by, answer.same[1] + by) if answer.same else None
    return replace(answer, natives=tuple(n + by for n in answer.natives), ladders=ladders, same=same)
