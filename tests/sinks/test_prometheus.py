"""Metrics: names and labels that boards know, sums that are exact over several processes, labels that stay bounded."""

import json
import subprocess
import sys
from pathlib import Path

import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.domain.answer import Answer
from proxy.domain.attempt import Outcome
from proxy.domain.cost import Cost
from proxy.domain.deployment import Deployment
from proxy.domain.requester import Requester
from proxy.errors import Attempt
from proxy.gateway.gauges import limit_gauges, queue_gauges
from proxy.runtime import Runtime
from proxy.server.metrics_directory import prepare_directory
from proxy.sinks.contract import GaugeSample, SinkContext, SinkSetupError
from proxy.sinks.metrics.children import Histogram
from proxy.sinks.metrics.label_limits import FAMILY_CHILDREN, LABEL_LENGTH, LABEL_VALUES
from proxy.sinks.metrics.prometheus import PrometheusSink, build
from proxy.sinks.metrics.table import LATENCY_BUCKETS
from proxy.sinks.observation import Observation
from proxy.sinks.queue import SinkQueue, Subscription
from proxy.sinks.recent_calls import RecentCalls
from tests.sinks.receivers import no_post
from tests.sinks.records import ANSWERED, REFUSED, FakeSink, make_failure, make_record


def total(text: bytes, name: str, **labels: str) -> float:
    """The sum of a name's samples that have these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_known_names_are_there_when_a_call_succeeded() -> None:
    sink = PrometheusSink()
    sink.write([make_record(stream=True, first=0.25)])
    text = sink.render()
    expected = {
        "litellm_proxy_total_requests_metric_total": 1,
        "litellm_requests_metric_total": 1,
        "litellm_total_tokens_metric_total": 46,
        "litellm_input_tokens_metric_total": 12,
        "litellm_output_tokens_metric_total": 34,
        "litellm_input_cached_tokens_metric_total": 2,
        "litellm_output_reasoning_tokens_metric_total": 4,
        "litellm_spend_metric_total": 0.00031,
        "litellm_request_total_latency_metric_sum": 1.0,
        "litellm_llm_api_latency_metric_sum": 0.7,
        "litellm_llm_api_time_to_first_token_metric_sum": 0.25,
        "litellm_overhead_latency_metric_sum": 0.004,
        "litellm_deployment_success_responses_total": 1,
        "litellm_proxy_failed_requests_metric_total": 0,
    }
    assert {name: pytest.approx(total(text, name)) for name in expected} == expected


def test_labels_are_those_of_the_call_when_it_is_counted() -> None:
    sink = PrometheusSink()
    sink.write([make_record()])
    labels = {
        "requested_model": "fast",
        "model_id": "d1",
        "api_provider": "openai",
        "status_code": "200",
        "route": "/chat/completions",
        "api_key_alias": "team-key",
        "hashed_api_key": "abc123",
    }
    assert total(sink.render(), "litellm_proxy_total_requests_metric_total", **labels) == 1


def test_fault_is_named_when_a_call_failed() -> None:
    sink = PrometheusSink()
    sink.write([make_failure()])
    text = sink.render()
    labels = {"exception_status": "429", "exception_class": "RateLimitError"}
    assert total(text, "litellm_proxy_failed_requests_metric_total", **labels) == 1
    assert total(text, "litellm_deployment_failure_responses_total", **labels) == 1
    assert total(text, "litellm_requests_metric_total") == 0


def test_every_try_is_counted_when_a_fallback_saved_the_call() -> None:
    sink = PrometheusSink()
    sink.know_deployments({"d0": {"api_provider": "groq", "litellm_model_name": "llama", "api_base": "https://g"}}.get)
    sink.write([make_record(attempts=(REFUSED, ANSWERED), fallbacks=1, model_group="slow")])
    text = sink.render()
    assert total(text, "litellm_deployment_total_requests_total") == 2
    assert total(text, "litellm_deployment_failure_responses_total", model_id="d0", api_provider="groq") == 1
    assert total(text, "litellm_deployment_success_responses_total", model_id="d1", api_provider="openai") == 1
    saved = {"requested_model": "slow", "fallback_model": "fast", "exception_class": "RateLimitError"}
    assert total(text, "litellm_deployment_successful_fallbacks_total", **saved) == 1


def test_callers_are_not_labels_when_the_operator_did_not_ask() -> None:
    sink = PrometheusSink()
    sink.write([make_record(end_user="someone")])
    text = sink.render().decode()
    assert "someone" not in text and "127.0.0.1" not in text and "curl" not in text


def test_end_user_is_a_label_when_litellms_setting_asks_for_it() -> None:
    settings = {"enable_end_user_cost_tracking_prometheus_only": True}
    sink = build(SinkContext(no_post, Runtime(), settings=settings))
    sink.write([make_record(end_user="someone")])
    assert total(sink.render(), "litellm_spend_metric_total", end_user="someone") == pytest.approx(0.00031)


def test_series_are_bounded_and_sums_exact_when_clients_invent_models() -> None:
    sink = PrometheusSink()
    count = LABEL_VALUES + 200
    sink.write([make_record(model_group=f"invented-{number}") for number in range(count)])
    text = sink.render()
    name = "litellm_proxy_total_requests_metric_total"
    assert total(text, name) == count
    assert total(text, name, requested_model="other") == 200
    assert text.decode().count(f"\n{name}{{") <= LABEL_VALUES + 1


def test_a_configured_model_has_its_place_when_clients_invented_many_before() -> None:
    sink = PrometheusSink()
    sink.know_models(lambda name: name == "gpt" or name.startswith("any/"), ["gpt"])
    sink.write([make_record(model_group=f"any/{number}") for number in range(LABEL_VALUES + 50)])
    sink.write([make_record(model_group="gpt")])
    name = "litellm_proxy_total_requests_metric_total"
    assert total(sink.render(), name, requested_model="gpt") == 1
    assert total(sink.render(), name, requested_model="other") == 50


def test_models_that_nobody_configured_are_one_value() -> None:
    sink = PrometheusSink()
    sink.know_models(lambda name: name == "gpt", ["gpt"])
    sink.write([make_failure(model_group=f"invented-{number}", model=f"invented-{number}") for number in range(30)])
    text = sink.render()
    assert "invented" not in text.decode()
    assert total(text, "litellm_proxy_total_requests_metric_total", requested_model="unknown") == 30


def test_a_clients_own_deployment_never_counts_under_an_operators_id() -> None:
    sink = PrometheusSink()
    tried = ANSWERED._replace(deployment_id="d1", group="gpt")
    sink.write([make_record(model_group="gpt", model_id="d1", client_owned=True, attempts=(tried,))])
    text = sink.render()
    assert total(text, "litellm_deployment_total_requests_total", model_id="d1") == 0
    assert total(text, "litellm_deployment_total_requests_total", model_id="client") == 1
    assert total(text, "litellm_requests_metric_total", model_group="gpt") == 0


def test_labels_are_short_and_combinations_few_when_clients_send_much() -> None:
    sink = PrometheusSink(caller_labels=["user_agent", "client_ip"])
    records = [
        make_record(
            model_group="m" * 1_000_000 if not number else f"m{number % 90}",
            requester=Requester(user_agent=f"agent {number % 97}", ip_address=f"10.0.0.{number % 89}"),
            model_parameters={"service_tier": f"tier {number}"},
        )
        for number in range(4000)
    ]
    sink.write(records)
    text = sink.render()
    name = "litellm_proxy_total_requests_metric_total"
    assert total(text, name) == len(records)
    assert text.decode().count(f"\n{name}{{") <= FAMILY_CHILDREN + 1
    assert "m" * (LABEL_LENGTH + 1) not in text.decode() and "tier 7" not in text.decode()


def test_text_parses_when_labels_hold_quotes_and_newlines() -> None:
    sink = PrometheusSink()
    sink.write([make_record(model_group='a"b\\c\nd')])
    assert total(sink.render(), "litellm_requests_metric_total", requested_model='a"b\\c\nd') == 1


def test_gauges_are_asked_when_metrics_are_read() -> None:
    sink = PrometheusSink()
    state = {"litellm_model_name": "gpt-4o", "model_id": "d1", "api_base": "", "api_provider": "openai"}
    sink.watch(lambda: [GaugeSample("patchbay_streams_open", 3), GaugeSample("litellm_deployment_state", 2, state)])
    text = sink.render()
    assert total(text, "patchbay_streams_open") == 3
    assert total(text, "litellm_deployment_state", model_id="d1") == 2


def test_lost_records_show_when_another_sink_throws() -> None:
    def fail() -> None:
        raise ValueError

    sink = PrometheusSink()
    queue = SinkQueue([Subscription(FakeSink("thrower", fail))], Runtime(), linger=0)
    sink.watch(lambda: queue_gauges(queue))
    queue.emit(make_record())
    assert queue.flush(20)
    text = sink.render()
    assert total(text, "patchbay_sink_records", sink="thrower", state="failed") == 1
    assert total(text, "patchbay_sink_queue_records", sink="thrower") == 0


def test_newest_limits_show_when_a_provider_told_them() -> None:
    sink = PrometheusSink()
    observation = Observation(SinkQueue([], Runtime()), RecentCalls(), sink)
    sink.watch(lambda: limit_gauges(observation))
    deployment = Deployment("d1", "fast", "openai", "gpt-4o")
    for left in ("8", "7", "nonsense", None):
        headers = {"x-ratelimit-remaining-requests": left or "6", "x-ratelimit-remaining-tokens": left or "600"}
        observation.note_headers(Outcome(Answer(b"{}", headers=headers), deployment, (ANSWERED,)))
    labels = {"model_id": "d1", "model_group": "fast", "api_base": "https://api.openai.com/v1"}
    text = sink.render()
    assert total(text, "litellm_remaining_requests_metric", **labels) == 6
    assert total(text, "litellm_remaining_tokens_metric", **labels) == 600
    assert not observation.provider_headers


def test_nothing_is_kept_of_a_providers_headers_when_nothing_counts() -> None:
    observation = Observation(SinkQueue([], Runtime()), RecentCalls())
    observation.note_headers(Outcome(Answer(b"{}"), Deployment("d1", "fast", "openai", "gpt-4o"), (ANSWERED,)))
    assert not observation.provider_headers


def test_event_is_counted_when_it_is_not_a_call() -> None:
    sink = PrometheusSink()
    sink.add("litellm_deployment_cooled_down", {"model_id": "d1", "exception_status": "429"})
    assert total(sink.render(), "litellm_deployment_cooled_down_total", model_id="d1") == 1


def test_difference_is_counted_when_a_provider_charged_more_than_its_price() -> None:
    sink = PrometheusSink()
    sink.write([make_record(cost=Cost(0.5, 0.2, 0.2, source="provider"))])
    assert total(sink.render(), "patchbay_provider_cost_difference_total") == pytest.approx(0.1)


def test_setup_is_refused_when_the_directory_came_too_late(tmp_path: Path) -> None:
    context = SinkContext(no_post, Runtime(), environ={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)})
    with pytest.raises(SinkSetupError, match="before the program starts"):
        build(context)


def test_older_values_are_gone_when_the_directory_is_prepared(tmp_path: Path) -> None:
    (tmp_path / "counter_1.db").write_bytes(b"old")
    prepare_directory(tmp_path)
    assert list(tmp_path.iterdir()) == []


WORKERS_SCRIPT = """
import json, os, sys
from pathlib import Path
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from proxy.runtime import Runtime
from proxy.sinks.recent_calls import RecentCalls
from proxy.sinks.contract import GaugeSample, SinkContext
from proxy.sinks.metrics.children import Histogram
from proxy.sinks.metrics.table import LATENCY_BUCKETS
from proxy.sinks.metrics.prometheus import build
from proxy.sinks.queue import SinkQueue, Subscription
from proxy.server.metrics_directory import forget_process, prepare_directory
from tests.sinks.receivers import no_post
from tests.sinks.records import make_failure, make_record

directory = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
prepare_directory(directory)
sink = build(SinkContext(no_post, Runtime(), environ=dict(os.environ)))
queue = SinkQueue([Subscription(sink)], Runtime(), linger=0.001)
children = []
for worker in range(4):
    child = os.fork()
    if child == 0:
        sink.watch(lambda: [GaugeSample("patchbay_streams_open", 5)])
        for number in range(500):
            queue.emit(make_failure() if number % 5 == 0 else make_record(model_id=f"d{worker}", response_time=number / 100))
        queue.flush(60)
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
sink.write([make_record(model_group='a"b\\\\c\\nd, le="1"', key_alias="käse {x}", response_time=1e9)])
before = sink.render()
registry = CollectorRegistry()
MultiProcessCollector(registry, path=str(directory))
library = generate_latest(registry)
for child in children:
    forget_process(child, directory)
json.dump([before.decode(), sink.render().decode(), library.decode()], sys.stdout)
"""


@pytest.fixture(scope="module")
def four_workers(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """/metrics while they live, after their end, and what the library makes of the first."""
    folder = tmp_path_factory.mktemp("workers")
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"), "PYTHONPATH": "."}
    done = subprocess.run(
        [sys.executable, "-c", WORKERS_SCRIPT], env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [text.encode() for text in json.loads(done.stdout)]


def test_sums_are_exact_when_four_processes_count(four_workers: list[bytes]) -> None:
    before, after, _ = four_workers
    for text in (before, after):
        assert total(text, "litellm_proxy_total_requests_metric_total", requested_model="fast") == 2000
        assert total(text, "litellm_proxy_failed_requests_metric_total") == 400
        assert total(text, "litellm_requests_metric_total", requested_model="fast") == 1600
        assert total(text, "litellm_total_tokens_metric_total", requested_model="fast") == 1600 * 46
        assert total(text, "litellm_spend_metric_total", requested_model="fast") == pytest.approx(1600 * 0.00031)
        assert total(text, "litellm_request_total_latency_metric_count", requested_model="fast") == 2000
        # A failure, and each fifth number, takes 1 s; the others as many hundredths as their number.
        assert total(text, "litellm_request_total_latency_metric_bucket", le="1.0", requested_model="fast") == 4 * 180
        awkward = {"requested_model": 'a"b\\c\nd, le="1"', "api_key_alias": "käse {x}"}
        assert total(text, "litellm_request_total_latency_metric_bucket", le="+Inf", **awkward) == 1
    assert total(before, "patchbay_streams_open") == 20
    assert total(after, "patchbay_streams_open") == 0


def test_text_tells_what_the_librarys_tells_when_four_processes_count(four_workers: list[bytes]) -> None:
    shown, _, library = (samples_of(text) for text in four_workers)
    assert shown.keys() == library.keys()
    assert shown == pytest.approx(library)


def samples_of(text: bytes) -> dict[tuple[object, ...], float]:
    return {
        (family.name, family.type, family.documentation, sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_try_without_a_deployment_we_know_is_counted_when_it_failed() -> None:
    sink = PrometheusSink()
    sink.write([make_record(attempts=(Attempt("g", "unknown", "fallback", 500, "InternalServerError", 1.0), ANSWERED))])
    assert total(sink.render(), "litellm_deployment_failure_responses_total", model_id="unknown") == 1


def test_tries_are_counted_exactly_when_there_are_more_deployments_than_labels() -> None:
    sink = PrometheusSink()
    sink.know_deployments({"failed": {"litellm_model_name": "failed-model", "api_base": "", "api_provider": "p"}}.get)
    count = LABEL_VALUES + 200
    failed = Attempt("g", "failed", "first", 500, "InternalServerError", 1.0)
    records = [
        make_record(model_id=f"d{number}", attempts=(failed, ANSWERED._replace(deployment_id=f"d{number}")))
        for number in range(count)
    ]
    for start in range(0, count, 64):
        sink.write(records[start : start + 64])

    text = sink.render()
    assert total(text, "patchbay_attempts_total") == 2 * count
    assert total(text, "litellm_deployment_success_responses_total") == count
    assert total(text, "litellm_deployment_failure_responses_total", litellm_model_name="failed-model") == count
    assert total(text, "litellm_deployment_success_responses_total", litellm_model_name="failed-model") == 0
    assert total(text, "litellm_llm_api_latency_metric_count") == count
    assert text.decode().count("\nlitellm_deployment_success_responses_total{") <= LABEL_VALUES + 1


def test_buckets_are_the_librarys_when_many_amounts_are_observed_at_once() -> None:
    amounts = [0.3, 0.005, 0.0, 700.0, 0.0051, 0.25, 0.3, 601.0, 0.005]
    texts = []
    for at_once in (True, False):
        registry = prometheus_client.CollectorRegistry()
        histogram = Histogram("h", "h", buckets=LATENCY_BUCKETS, registry=registry)
        if at_once:
            histogram.observe_all(amounts)
        else:
            for amount in amounts:
                histogram.observe(amount)
        text = prometheus_client.generate_latest(registry).decode()
        texts.append([line for line in text.splitlines() if line.startswith(("h_bucket", "h_count"))])
    assert texts[0] == texts[1]
