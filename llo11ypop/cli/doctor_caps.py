"""Whether a cluster gives as much at a time as is asked for: rows of a page, and groups of an answer."""

from typing import TYPE_CHECKING

from llo11ypop.cli.doctor_clock import Found

if TYPE_CHECKING:
    from elasticsearch import AsyncElasticsearch

WINDOW = "index.max_result_window"
BUCKETS = "search.max_buckets"
ANSWER = "esql.query.result_truncation_max_size"


async def capped(client: "AsyncElasticsearch", names: list[str]) -> list[Found]:
    """A line per limit that is lower than what is asked for; none where they are not told to this key."""
    from elasticsearch import ApiError, TransportError

    from llo11ypop.query.compile.esql import MOST_ROWS
    from llo11ypop.stores.elasticsearch_search import MOST_BUCKETS
    from llo11ypop.stores.elasticsearch_sql import PAGE_ROWS

    found: list[Found] = []
    try:
        answer = await client.indices.get_settings(index=",".join(names), name=WINDOW, flat_settings=True, include_defaults=True)
        for index, said in sorted(answer.body.items()):
            window = {**said.get("defaults", {}), **said.get("settings", {})}.get(WINDOW)
            if window is not None and int(window) < PAGE_ROWS:
                step = f"raise it to {PAGE_ROWS:,} or more, or rows cannot be read there"
                found.append(("fail", f"{index}: {WINDOW} is {int(window):,}, and a page has {PAGE_ROWS:,} rows — {step}"))
        settings = (await client.cluster.get_settings(flat_settings=True, include_defaults=True)).body
        merged = {**settings.get("defaults", {}), **settings.get("persistent", {}), **settings.get("transient", {})}
        buckets = merged.get(BUCKETS)
        if buckets is not None and int(buckets) < MOST_BUCKETS:
            step = "raise it, or use SQL, where large answers are refused"
            found.append(("warn", f"{BUCKETS} is {int(buckets):,}, and an answer may have {MOST_BUCKETS:,} — {step}"))
        answer_rows = merged.get(ANSWER)
        if answer_rows is not None and int(answer_rows) < MOST_ROWS:
            step = "raise it, or leave telemetry.elasticsearch.language at auto: a longer answer is cut without a word"
            found.append(("warn", f"{ANSWER} is {int(answer_rows):,}, and {MOST_ROWS:,} rows are asked for in ES|QL — {step}"))
    except (ApiError, TransportError):
        return found
    return found
