"""Who was hit: customers, places, jobs, GPU-hours, and money where a price is configured."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from llo11ypop.agents.reporter.facts import Facts, Hit, LostJob, Outage
from llo11ypop.agents.reporter.happened import most
from llo11ypop.agents.reporter.said import Section, Table, cut
from llo11ypop.agents.reporter.saying import NOTHING, Statement, count, hours, listing, moment, money, number, plural, say


@dataclass
class Tally:
    """Sums of one customer or place."""

    jobs: int = 0
    job_h: float = 0.0
    outage_h: float = 0.0
    clusters: set[str] = field(default_factory=set)

    @property
    def lost_h(self) -> float:
        """GPU-hours in all."""
        return self.job_h + self.outage_h


def by_account(hit: Hit) -> list[tuple[str, Tally]]:
    """Customers by work lost, the most first."""
    found: dict[str, Tally] = {}
    for job in hit.jobs:
        tally = found.setdefault(job.account or "(no account)", Tally())
        tally.jobs += 1
        tally.job_h += job.lost_h
        tally.clusters.add(job.cluster)
    return sorted(found.items(), key=lambda kv: (-kv[1].job_h, kv[0]))


def by_cluster(hit: Hit, places: dict[str, tuple[str, str]]) -> list[tuple[str, str, str, Tally]]:
    """(cluster, site, region, sums), the most lost first. `places`: cluster → (site, region)."""
    found: dict[str, Tally] = {}
    for job in hit.jobs:
        tally = found.setdefault(job.cluster, Tally())
        tally.jobs += 1
        tally.job_h += job.lost_h
    for outage in hit.outages:
        found.setdefault(outage.cluster, Tally()).outage_h += outage.lost_h
    listed = [(name, *places.get(name, ("", "")), tally) for name, tally in found.items()]
    return sorted(listed, key=lambda row: (-row[3].lost_h, row[0]))


def places_of(facts: Facts) -> dict[str, tuple[str, str]]:
    """Cluster → (site, region), from whatever named a cluster."""
    found = {c: (s, r) for c, s, r in facts.looked.places}
    found |= {o.cluster: (o.site, o.region) for o in facts.hit.outages}
    return found


def damage(facts: Facts) -> Section:
    """Sentences first, then customers, places and the largest lost jobs."""
    hit = facts.hit
    tables = tuple(t for t in (_accounts(facts), _clusters(facts), _jobs(facts)) if t.rows)
    return Section(
        "hit", "Who was hit", tuple(sentences(facts)), tables, hit.evidence, facts.period.start, facts.period.end, _notes(hit)
    )


def sentences(facts: Facts) -> list[Statement]:
    """What was lost, in words."""
    hit, said = facts.hit, []
    if hit.jobs:
        accounts = [name for name, _ in by_account(hit)]
        said.append(
            say(
                "{jobs} lost to infrastructure, {work} of work with them; hit: {accounts}.",
                hit.evidence,
                jobs=plural(len(hit.jobs), "job was", "jobs were"),
                work=hours(hit.job_h),
                accounts=listing(accounts),
            )
        )
        runs = [j.run_id for j in hit.jobs if j.run_id]
        if runs:
            said.append(say("Training runs among them: {runs}.", hit.evidence, runs=listing(runs)))
    else:
        said.append(say("No job was lost to infrastructure; {ended} ended.", hit.evidence, ended=plural(hit.ended, "job")))
    if hit.outages:
        nodes = {o.node for o in hit.outages}
        old = {o.node for o in hit.outages if o.began_before}
        text = "{nodes} out of use without a plan, {lost} in all."
        if old:
            text = "{nodes} out of use without a plan, {lost} in all; {old} already so before."
        out = plural(len(nodes), "node was", "nodes were")
        said.append(say(text, hit.evidence, nodes=out, lost=hours(hit.outage_h), **({"old": count(len(old))} if old else {})))
        loose = sum(o.lost_h for o in hit.outages if not o.incident)
        if loose and facts.incidents:
            said.append(say("{lost} of that on nodes without an incident in this time.", hit.evidence, lost=hours(loose)))
    said += _cost(hit) + _compared(hit)
    return said


def _cost(hit: Hit) -> list[Statement]:
    if hit.cost is None or not hit.lost_h or hit.price_per_gpu_hour is None:
        return []
    price = money(hit.price_per_gpu_hour, hit.currency)
    return [say("At {price} per GPU-hour that is {cost}.", hit.evidence, price=price, cost=money(hit.cost, hit.currency))]


def _compared(hit: Hit) -> list[Statement]:
    """Failed jobs of any cause, against the same hours before."""
    if hit.baseline_failed is None:
        return [
            say(
                "{n} failed for any reason; telemetry does not reach back far enough to compare.",
                hit.evidence,
                n=plural(hit.failed, "job"),
            )
        ]
    usual = number(hit.baseline_failed)
    before = plural(hit.baseline_days, "earlier stretch of the same hours", "earlier stretches of the same hours")
    return [
        say(
            "{n} failed for any reason, the median of {before} is {usual}.",
            hit.evidence,
            n=plural(hit.failed, "job"),
            before=before,
            usual=usual,
        )
    ]


def _accounts(facts: Facts) -> Table:
    rows = [
        (name, str(count(t.jobs)), str(number(t.job_h)), listing(sorted(t.clusters), 3), *_priced(facts.hit, t.job_h))
        for name, t in by_account(facts.hit)
    ]
    shown, note = cut(rows, most(facts, 10, 4))
    columns = ("Customer", "Jobs lost", "GPU-hours of work", "Clusters", *_priced_head(facts.hit))
    return Table(columns, shown, (1, 2, 4), "By customer", note)


def _clusters(facts: Facts) -> Table:
    listed = by_cluster(facts.hit, places_of(facts))
    rows = [
        (
            cluster,
            site or NOTHING,
            region or NOTHING,
            str(count(t.jobs)),
            str(number(t.job_h)),
            str(number(t.outage_h)),
            *_priced(facts.hit, t.lost_h),
        )
        for cluster, site, region, t in listed
    ]
    shown, note = cut(rows, most(facts, 12, 4))
    columns = ("Cluster", "Site", "Region", "Jobs lost", "GPU-hours of work", "GPU-hours out of use", *_priced_head(facts.hit))
    return Table(columns, shown, (3, 4, 5, 6), "By place", note)


def _jobs(facts: Facts) -> Table:
    titles = {i.id: i.title for i in facts.incidents}
    rows = [_job(job, titles) for job in facts.hit.jobs]
    shown, note = cut(rows, most(facts, 8, 0))
    columns = ("Job", "Customer", "User", "Run", "Cluster", "Ended (UTC)", "As", "GPUs", "GPU-hours lost", "Ascribed to")
    return Table(columns, shown, (7, 8), "Largest lost jobs", note)


def _job(job: LostJob, titles: dict[str, str]) -> tuple[str, ...]:
    lost = number(job.lost_h)
    return (
        str(job.job_id),
        job.account or NOTHING,
        job.user or NOTHING,
        job.run_id or NOTHING,
        job.cluster,
        str(moment(job.ended_at)),
        job.state,
        str(count(job.gpus)),
        f"{lost} since checkpoint" if job.since_checkpoint else str(lost),
        titles.get(job.incident, "no incident found"),
    )


def _priced(hit: Hit, lost_h: float) -> tuple[str, ...]:
    return (str(money(lost_h * hit.price_per_gpu_hour, hit.currency)),) if hit.price_per_gpu_hour is not None else ()


def _priced_head(hit: Hit) -> tuple[str, ...]:
    return ("Cost",) if hit.price_per_gpu_hour is not None else ()


def _notes(hit: Hit) -> tuple[str, ...]:
    notes = [
        "A job counts as lost when it ended NODE_FAIL or BOOT_FAIL, FAILED with a fatal XID logged for it, or FAILED or "
        "REQUEUED on a node of an incident around its onset, or FAILED with an I/O error while a filesystem of its cluster "
        "stalled. Its work counts from its last good checkpoint, or from its start "
        "where none is known (an upper bound). Nodes count while Slurm has them down, drained, draining, failing, invalid, "
        "rebooting or unknown, without hours of planned work."
    ]
    if hit.price_per_gpu_hour is None and hit.lost_h:
        notes.append("No cost is stated: no price per GPU-hour is configured (report.price_per_gpu_hour).")
    return (*notes, *(f"Not measured: {g}." for g in hit.gaps))


def worst(outages: Iterable[Outage], key: Callable[[Outage], str]) -> str:
    """The place that lost most to outages; empty without any."""
    summed: dict[str, float] = {}
    for one in outages:
        summed[key(one)] = summed.get(key(one), 0.0) + one.lost_h
    return max(summed, key=lambda k: (summed[k], k)) if summed else ""
