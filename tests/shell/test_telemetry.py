import asyncio
import platform
import types
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

import ghproxy
from ghproxy.core.outcome import CacheMode, Outcome, Sent
from ghproxy.core.path_template import path_templates
from ghproxy.core.rate_limit import RateLimit
from ghproxy.telemetry import CONTENT_TYPE, Bounds, Telemetry
from ghproxy.telemetry import exposition as door
from ghproxy.telemetry.metrics import METRICS
from ghproxy.telemetry.series import Count, LabelSets

NOW = 1_700_000_000.0
BUDGET = "prow - acme"


class StoppedClock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


def telemetry(
    clock: StoppedClock | None = None,
    outbound: Callable[[], tuple[int, int]] = lambda: (0, 0),
    disk_directory: Path | None = None,
    bounds: Bounds | None = None,
) -> Telemetry:
    return Telemetry(
        clock or StoppedClock(), outbound=outbound, disk_directory=disk_directory, bounds=bounds
    )


def outcome(
    target: bytes = b"/repos/acme/api/pulls/7?x=1",
    user_agent: str = "hook.trigger/v2023",
    budget: str = BUDGET,
    mode: CacheMode = CacheMode.REVALIDATED,
    status: int = 200,
) -> Outcome:
    return Outcome("GET", target, user_agent, budget, mode, status, 0.004)


def sent(
    target: bytes = b"/repos/acme/api/pulls/7?x=1",
    user_agent: str = "hook.trigger/v2023",
    budget: str = BUDGET,
    *,
    status: int = 304,
    seconds: float = 0.05,
    rate_limit: RateLimit | None = None,
) -> Sent:
    return Sent("GET", target, user_agent, budget, status, seconds, rate_limit)


def reading(remaining: int, reset_in: int, resource: str = "core") -> RateLimit:
    return RateLimit(resource, 5000, remaining, int(NOW) + reset_in)


def scrape(telemetry: Telemetry) -> str:
    return asyncio.run(telemetry.exposition()).decode()


def families(telemetry: Telemetry) -> dict[str, Metric]:
    return {each.name: each for each in text_string_to_metric_families(scrape(telemetry))}


def values(telemetry: Telemetry, name: str, label: str = "token_hash") -> dict[str, float]:
    family = families(telemetry).get(name)
    samples = family.samples if family else []
    return {sample.labels.get(label, ""): sample.value for sample in samples}


def lines(text: str, *starts: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(starts)]


# The text


def test_a_small_scenario_has_exactly_this_text() -> None:
    ours = telemetry(outbound=lambda: (3, 4))
    ours.record(outcome())
    ours.record(outcome())
    ours.record(outcome(target=b"/graphql", mode=CacheMode.SKIP, user_agent="tide"))
    ours.record_sent(sent(seconds=0.05, rate_limit=reading(4321, 1800)))
    ours.record_sent(sent(seconds=0.5))
    ours.record_sent(sent(seconds=99))
    who = 'token_hash="prow - acme",user_agent'
    pulls = 'path="/repos/:owner/:repo/pulls/:pullId"'
    durations = f'{pulls},status="304",{who}="hook.trigger"'
    limit = 'api_version="v3",ratelimit_resource="core",token_hash="prow - acme"'
    python = platform.python_version()
    assert (
        scrape(ours)
        == f"""\
# HELP ghcache_responses Client requests, by what the cache made of them.
# TYPE ghcache_responses counter
ghcache_responses{{mode="REVALIDATED",{pulls},{who}="hook.trigger"}} 2.0
ghcache_responses{{mode="SKIP",path="/graphql",{who}="tide"}} 1.0
# HELP github_request_duration Time that GitHub took to answer, by the status it answered with.
# TYPE github_request_duration histogram
github_request_duration_bucket{{le="0.005",{durations}}} 0.0
github_request_duration_bucket{{le="0.01",{durations}}} 0.0
github_request_duration_bucket{{le="0.025",{durations}}} 0.0
github_request_duration_bucket{{le="0.05",{durations}}} 1.0
github_request_duration_bucket{{le="0.1",{durations}}} 1.0
github_request_duration_bucket{{le="0.25",{durations}}} 1.0
github_request_duration_bucket{{le="0.5",{durations}}} 2.0
github_request_duration_bucket{{le="1",{durations}}} 2.0
github_request_duration_bucket{{le="2.5",{durations}}} 2.0
github_request_duration_bucket{{le="5",{durations}}} 2.0
github_request_duration_bucket{{le="10",{durations}}} 2.0
github_request_duration_bucket{{le="+Inf",{durations}}} 3.0
github_request_duration_sum{{{durations}}} 99.55
github_request_duration_count{{{durations}}} 3.0
# HELP github_token_usage What remains of the primary rate limit, as GitHub last said.
# TYPE github_token_usage gauge
github_token_usage{{{limit}}} 4321.0
# HELP github_token_reset Time until the primary rate limit is full again, as of this scrape.
# TYPE github_token_reset gauge
github_token_reset{{{limit}}} 1.8e+12
# HELP concurrent_outbound_requests Requests that are at GitHub now.
# TYPE concurrent_outbound_requests gauge
concurrent_outbound_requests 3.0
# HELP pending_outbound_requests Requests that wait for their turn to be sent to GitHub.
# TYPE pending_outbound_requests gauge
pending_outbound_requests 4.0
# HELP ghproxy_build_info Which ghproxy this is, and the Python it runs on.
# TYPE ghproxy_build_info gauge
ghproxy_build_info{{python="{python}",version="{ghproxy.__version__}"}} 1.0
"""
    )


def test_the_format_is_prometheus_text_0_0_4() -> None:
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_every_metric_of_the_table_is_exposed_under_its_bare_name(tmp_path: Path) -> None:
    ours = telemetry(disk_directory=tmp_path)
    ours.record(outcome())
    ours.record_sent(sent(rate_limit=reading(1, 1)))
    text = scrape(ours)
    assert lines(text, "# TYPE") == [f"# TYPE {each.name} {each.kind}" for each in METRICS]
    for each in METRICS:
        line = lines(text, f"{each.name}{{", f"{each.name} ", f"{each.name}_bucket{{")[0]
        assert all(f'{label}="' in line for label in each.labels)
    assert "_total{" not in text
    assert "_created" not in text


def test_what_dashboards_and_alerts_ask_for_is_there(tmp_path: Path) -> None:
    ours = telemetry(disk_directory=tmp_path)
    ours.record(outcome())
    ours.record_sent(sent(rate_limit=reading(1, 1)))
    samples = {
        sample.name: set(sample.labels)
        for family in families(ours).values()
        for sample in family.samples
    }
    assert {"path", "status"} <= samples["github_request_duration_count"]
    assert "le" in samples["github_request_duration_bucket"]
    # The parser calls every counter `_total` inside; what was scraped is in the exact text above.
    assert {"mode", "path", "user_agent", "token_hash"} == samples["ghcache_responses_total"]
    for name in ("github_token_usage", "github_token_reset"):
        assert {"token_hash", "api_version", "ratelimit_resource"} == samples[name]
    for name in ("free", "used", "total", "inode_free", "inode_used", "inode_total"):
        assert samples[f"ghcache_disk_{name}"] == set()
    assert {"concurrent_outbound_requests", "pending_outbound_requests"} <= set(samples)


# Counting


@pytest.mark.parametrize("mode", list(CacheMode))
def test_every_mode_is_counted_by_its_own_word(mode: CacheMode) -> None:
    ours = telemetry()
    ours.record(outcome(mode=mode))
    assert values(ours, "ghcache_responses", "mode") == {mode.value: 1.0}


@pytest.mark.parametrize(
    ("status", "label"),
    [(100, "100"), (304, "304"), (599, "599"), (0, "other"), (99, "other"), (600, "other")],
)
def test_a_status_is_a_code_or_other(status: int, label: str) -> None:
    ours = telemetry()
    ours.record_sent(sent(status=status))
    assert set(values(ours, "github_request_duration", "status")) == {label}


def test_a_duration_on_a_bound_belongs_to_its_bucket() -> None:
    ours = telemetry()
    ours.record_sent(sent(seconds=0.25))
    buckets = values(ours, "github_request_duration", "le")
    assert (buckets["0.1"], buckets["0.25"]) == (0.0, 1.0)


# Rate limits


def test_reset_counts_down_in_nanoseconds_and_stops_at_zero() -> None:
    clock = StoppedClock()
    ours = telemetry(clock)
    ours.record_sent(sent(rate_limit=reading(100, 60)))
    assert values(ours, "github_token_reset") == {BUDGET: 60e9}
    clock.at += 59.5
    assert values(ours, "github_token_reset") == {BUDGET: 0.5e9}
    clock.at += 10
    assert values(ours, "github_token_reset") == {BUDGET: 0.0}


def test_a_late_reading_of_an_older_window_changes_nothing() -> None:
    ours = telemetry()
    ours.record_sent(sent(rate_limit=reading(4999, 3660)))
    ours.record_sent(sent(rate_limit=reading(3, 60)))
    assert values(ours, "github_token_usage") == {BUDGET: 4999.0}
    assert values(ours, "github_token_reset") == {BUDGET: 3660e9}


def test_within_a_window_the_latest_reading_wins() -> None:
    ours = telemetry()
    for remaining in (10, 8, 9):
        ours.record_sent(sent(rate_limit=reading(remaining, 60)))
    assert values(ours, "github_token_usage") == {BUDGET: 9.0}


def test_a_reset_that_differs_by_a_second_is_the_same_window() -> None:
    ours = telemetry()
    ours.record_sent(sent(rate_limit=reading(10, 61)))
    ours.record_sent(sent(rate_limit=reading(9, 60)))
    assert values(ours, "github_token_usage") == {BUDGET: 9.0}


def test_one_budgets_newer_window_does_not_hide_anothers_reading() -> None:
    ours = telemetry()
    ours.record_sent(sent(budget="a", rate_limit=reading(10, 3600)))
    ours.record_sent(sent(budget="b", rate_limit=reading(9, 60)))
    assert values(ours, "github_token_usage") == {"a": 10.0, "b": 9.0}


def test_graphql_and_rest_are_told_apart() -> None:
    ours = telemetry()
    ours.record_sent(sent(rate_limit=reading(1, 60)))
    ours.record_sent(sent(target=b"/graphql", rate_limit=reading(2, 60, "graphql")))
    ours.record_sent(sent(target=b"/api/graphql", rate_limit=reading(3, 60, "graphql")))
    assert values(ours, "github_token_usage", "api_version") == {"v3": 1.0, "v4": 3.0}


def test_an_answer_without_a_rate_limit_has_no_gauge() -> None:
    ours = telemetry()
    ours.record_sent(sent())
    assert "github_token_usage" not in scrape(ours)


# Snapshots


def test_outbound_requests_are_read_when_scraped() -> None:
    now = [(1, 2)]
    ours = telemetry(outbound=lambda: now[0])
    assert values(ours, "concurrent_outbound_requests") == {"": 1.0}
    now[0] = (0, 5)
    assert values(ours, "concurrent_outbound_requests") == {"": 0.0}
    assert values(ours, "pending_outbound_requests") == {"": 5.0}


def test_disk_gauges_are_in_gigabytes_and_inodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = types.SimpleNamespace(
        f_blocks=100_000_000, f_bfree=40_000_000, f_frsize=4096, f_files=1000, f_ffree=900
    )
    monkeypatch.setattr("os.statvfs", {tmp_path: disk}.__getitem__)
    text = scrape(telemetry(disk_directory=tmp_path))
    assert lines(text, "ghcache_disk") == [
        "ghcache_disk_free 163.84",
        "ghcache_disk_used 245.76",
        "ghcache_disk_total 409.6",
        "ghcache_disk_inode_free 900.0",
        "ghcache_disk_inode_used 100.0",
        "ghcache_disk_inode_total 1000.0",
    ]


def test_a_cache_in_memory_has_no_disk_gauges() -> None:
    assert "ghcache_disk" not in scrape(telemetry())


def test_a_directory_that_is_gone_has_no_disk_gauges(tmp_path: Path) -> None:
    ours = telemetry(disk_directory=tmp_path / "gone")
    assert "ghcache_disk" not in scrape(ours)
    assert "ghproxy_build_info" in scrape(ours)


# Bounds


def flood(count: int) -> Iterable[tuple[Outcome, Sent]]:
    for i in range(count):
        target, agent, budget = b"/repos/a/b/%d" % i, f"agent-{i}/1", f"budget-{i}"
        limit = reading(i, 60, f"resource_{i}")
        modes = list(CacheMode)
        yield (
            outcome(target, agent, budget, modes[i % len(modes)], i),
            sent(target, agent, budget, status=i, rate_limit=limit),
        )


def test_whatever_clients_send_the_number_of_series_is_bounded() -> None:
    bounds = Bounds(user_agents=5, budgets=7, rate_limit_resources=3, label_sets=20)
    ours = telemetry(bounds=bounds)
    for each, upstream in flood(1000):
        ours.record(each)
        ours.record_sent(upstream)
    all_families = families(ours)
    assert len(all_families["ghcache_responses"].samples) <= 20
    assert len(all_families["github_request_duration"].samples) <= 20 * 14
    assert len(all_families["github_token_usage"].samples) <= 20
    assert len(values(ours, "github_token_usage")) == 7
    agents = set(values(ours, "ghcache_responses", "user_agent"))
    assert agents == {f"agent-{i}" for i in range(995, 1000)}
    assert set(values(ours, "github_token_usage", "ratelimit_resource")) == {"other"}


def test_label_sets_are_bounded_even_within_one_budget() -> None:
    ours = telemetry(bounds=Bounds(label_sets=10))
    for label in sorted(path_templates()):
        ours.record(outcome(target=label.encode()))
    assert len(families(ours)["ghcache_responses"].samples) == 10


def test_the_label_set_used_least_recently_leaves_first() -> None:
    ours = telemetry(bounds=Bounds(label_sets=2))
    for target in (b"/events", b"/feeds", b"/events", b"/emojis"):
        ours.record(outcome(target=target))
    assert values(ours, "ghcache_responses", "path") == {"/events": 2.0, "/emojis": 1.0}


def test_the_budget_used_least_recently_leaves_with_all_its_series() -> None:
    ours = telemetry(bounds=Bounds(budgets=2))
    for budget in ("old", "kept", "old"):
        ours.record(outcome(budget=budget))
        ours.record_sent(sent(budget=budget, rate_limit=reading(1, 60)))
    ours.record(outcome(budget="new"))
    assert set(values(ours, "ghcache_responses")) == {"old", "new"}
    assert set(values(ours, "github_request_duration")) == {"old"}
    assert set(values(ours, "github_token_usage")) == {"old"}


def test_a_budget_can_come_back_after_it_and_its_label_sets_left() -> None:
    ours = telemetry(bounds=Bounds(budgets=1, label_sets=1))
    for target in (b"/events", b"/feeds"):
        for budget in ("a", "b", "a"):
            ours.record(outcome(target=target, budget=budget))
    assert values(ours, "ghcache_responses") == {"a": 1.0}


def test_the_user_agent_used_least_recently_leaves_with_all_its_series() -> None:
    ours = telemetry(bounds=Bounds(user_agents=2))
    for agent in ("hook/1", "tide/1", "hook/2"):
        ours.record(outcome(user_agent=agent))
        ours.record_sent(sent(user_agent=agent, rate_limit=reading(1, 60)))
    ours.record(outcome(user_agent="crier"))
    assert values(ours, "ghcache_responses", "user_agent") == {"hook": 2.0, "crier": 1.0}
    assert set(values(ours, "github_request_duration", "user_agent")) == {"hook"}
    assert set(values(ours, "github_token_usage")) == {BUDGET}


def test_a_flood_of_invented_user_agents_hides_nobody_who_comes_after_it() -> None:
    ours = telemetry()
    for i in range(1000):
        ours.record(outcome(user_agent=f"invented-{i}"))
        ours.record_sent(sent(user_agent=f"invented-{i}"))
    ours.record(outcome(user_agent="tide"))
    ours.record_sent(sent(user_agent="tide"))
    for name in ("ghcache_responses", "github_request_duration"):
        agents = values(ours, name, "user_agent")
        assert len(agents) == Bounds().user_agents
        assert agents["tide"] == 1.0
        assert "other" not in agents


def test_a_user_agent_that_is_in_use_outlives_a_flood() -> None:
    ours = telemetry(bounds=Bounds(user_agents=2))
    for i in range(10):
        ours.record(outcome(user_agent="tide"))
        ours.record(outcome(user_agent=f"invented-{i}"))
    assert values(ours, "ghcache_responses", "user_agent") == {"tide": 10.0, "invented-9": 1.0}


def test_a_user_agent_can_come_back_after_its_budget_and_its_label_sets_left() -> None:
    ours = telemetry(bounds=Bounds(user_agents=1, budgets=1, label_sets=1))
    for budget in ("a", "b", "a"):
        for agent in ("tide", "hook", "tide"):
            for target in (b"/events", b"/feeds"):
                ours.record(outcome(target=target, budget=budget, user_agent=agent))
    assert values(ours, "ghcache_responses", "user_agent") == {"tide": 1.0}


def test_what_is_forgotten_leaves_nothing_behind() -> None:
    sets = LabelSets(Count, 2, (0, 1))
    for labels in (("a", "x"), ("b", "x"), ("b", "y")):
        sets.child(labels)
    sets.forget(0, "b")
    assert len(sets) == 0
    sets.child(("b", "x"))
    sets.forget(1, "x")
    sets.forget(1, "never seen")
    assert len(sets) == 0
    assert sets._by_value == {0: {}, 1: {}}


# Scraping without being in the way


def test_a_scrape_lets_others_run_between_slices() -> None:
    ours = telemetry()
    for label in sorted(path_templates())[:300]:
        ours.record_sent(sent(target=label.encode()))
    turns = 0

    async def run() -> int:
        scrape = asyncio.create_task(ours.exposition())
        nonlocal turns
        while not scrape.done():
            turns += 1
            await asyncio.sleep(0)
        return (await scrape).count(b"\n")

    lines = asyncio.run(run())
    assert lines > 300 * 10
    assert turns >= lines / (door.SLICE_LINES + 14)


def test_a_histogram_agrees_with_itself_while_others_record() -> None:
    ours = telemetry()
    targets = [label.encode() for label in sorted(path_templates())[:50]]

    def record_all() -> None:
        for target in targets:
            ours.record_sent(sent(target=target))

    async def run() -> str:
        record_all()
        scrape = asyncio.create_task(ours.exposition())
        while not scrape.done():
            record_all()
            await asyncio.sleep(0)
        return (await scrape).decode()

    seen: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(asyncio.run(run())):
        for sample in family.samples:
            if sample.name == "github_request_duration_count" or sample.labels.get("le") == "+Inf":
                seen.setdefault(sample.labels["path"], {})[sample.name] = sample.value
    assert len(seen) == 50
    assert all(len(set(pair.values())) == 1 for pair in seen.values())
    assert len({pair["github_request_duration_count"] for pair in seen.values()}) > 1


def test_headings_are_written_once_however_many_slices() -> None:
    ours = telemetry()
    for label in path_templates():
        ours.record(outcome(target=label.encode()))
        ours.record_sent(sent(target=label.encode()))
    text = scrape(ours)
    assert len(lines(text, "# TYPE ghcache_responses")) == 1
    assert len(lines(text, "# HELP github_request_duration")) == 1
    assert len(lines(text, "ghcache_responses{")) > door.SLICE_LINES
