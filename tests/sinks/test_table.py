"""Callbacks by name."""

import subprocess
import sys

import pytest

from proxy.domain.sink_names import SINKS
from proxy.runtime import Runtime
from proxy.sinks import build_sink, build_subscriptions
from proxy.sinks.contract import SinkContext, SinkSetupError
from tests.sinks.receivers import no_post

CONTEXT = SinkContext(no_post, Runtime())


def test_known_names_are_listed_when_a_callback_is_unknown() -> None:
    with pytest.raises(SinkSetupError, match=r"'lago'.*json"):
        build_sink("lago", CONTEXT)


def test_outcomes_are_joined_when_a_name_is_in_both_lists() -> None:
    built = build_subscriptions(CONTEXT, success=["json", "logs"], failure=["json"])
    assert [(item.sink.name, item.success, item.failure) for item in built] == [
        ("json", True, True),
        ("logs", True, False),
    ]


def test_sink_is_built_once_when_it_is_named_twice() -> None:
    assert len(build_subscriptions(CONTEXT, callbacks=["json"], failure=["json"])) == 1


def test_names_of_litellm_are_there_when_a_configuration_moves_over() -> None:
    assert {"prometheus", "langfuse", "otel", "generic_api", "webhook"} <= SINKS.keys()


def test_heavy_packages_stay_out_when_no_callback_asks_for_them() -> None:
    code = "import sys, proxy.sinks; print([name for name in ('prometheus_client', 'gevent', 'requests') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("name", sorted(SINKS))
def test_every_sink_can_be_built_when_its_settings_are_there(name: str) -> None:
    environ = {
        "LANGFUSE_PUBLIC_KEY": "pk",
        "LANGFUSE_SECRET_KEY": "sk",
        "GENERIC_LOGGER_ENDPOINT": "http://127.0.0.1:1",
    }
    sink = build_sink(name, SinkContext(no_post, Runtime(), environ=environ))
    assert sink.name and sink.tries >= 1 and isinstance(sink.anonymous, bool)
