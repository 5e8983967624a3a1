"""What is refused at the door is counted, logged within a bound, and slowed where keys are guessed."""

import threading

import pytest
from flask.testing import FlaskClient

from app import create_app
from proxy.errors import AuthenticationError, BadRequestError, GatewayError, PermissionDeniedError
from proxy.runtime import Runtime
from proxy.web import refusals
from proxy.web.refusals import Refusals, reason_of

KEY = "sk-refusals-test-key-1234"
WRONG = AuthenticationError("no", code="invalid_api_key")


class Clock:
    """A runtime whose time passes by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def build() -> tuple[Refusals, Clock, list[str]]:
    clock, counted = Clock(), list[str]()
    return Refusals(clock, counted.append), clock, counted  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (WRONG, "wrong_key"),
        (AuthenticationError("no", code="missing_api_key"), "no_key"),
        (BadRequestError("no", param="messages"), "body"),
        (PermissionDeniedError("no", code="host_not_allowed"), "host"),
        (AuthenticationError("no", provider="openai"), None),
        (PermissionDeniedError("no"), None),
    ],
)
def test_reason_is_that_of_the_door(error: GatewayError, reason: str | None) -> None:
    assert reason_of(error) == reason


def test_every_refusal_is_counted_and_so_many_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    door, clock, counted = build()
    with caplog.at_level("WARNING", "patchbay.access"):
        allowed = [door.note(WRONG, "10.0.0.1", "/v1/models") for _ in range(5000)]
        clock.now += 61
        assert door.note(WRONG, "10.0.0.1", "/v1/models\r\nforged")
    assert len(counted) == 5001
    assert sum(allowed) == refusals.MOST_LOGGED
    assert len(caplog.records) == refusals.MOST_LOGGED + 2
    assert "refused 4940 more" in caplog.text
    assert "\r" not in caplog.text


def test_repeated_wrong_keys_wait_longer_and_longer() -> None:
    door, clock, _ = build()
    for _ in range(30):
        door.slow(WRONG, "10.0.0.1")
    assert len(clock.slept) == 30 - refusals.FREE_TRIES
    assert clock.slept == sorted(clock.slept)
    assert clock.slept[-1] == refusals.LONGEST_WAIT
    door.slow(WRONG, "10.0.0.2")
    assert len(clock.slept) == 30 - refusals.FREE_TRIES, "another address is another count"
    clock.now += 61
    door.slow(WRONG, "10.0.0.1")
    assert len(clock.slept) == 30 - refusals.FREE_TRIES, "a minute later all is forgotten"


def test_addresses_are_bounded() -> None:
    door, _, _ = build()
    for number in range(refusals.ADDRESSES + 100):
        door.slow(WRONG, f"10.0.{number // 256}.{number % 256}")
    assert len(door._wrong) == refusals.ADDRESSES


def test_waiting_answers_are_bounded() -> None:
    release = threading.Event()

    class Waits(Runtime):
        def sleep(self, seconds: float) -> None:
            release.wait(10)

    door = Refusals(Waits(), lambda reason: None)
    door._wrong["a"] = (door._runtime.monotonic(), 100)
    threads = [threading.Thread(target=door.slow, args=(WRONG, "a")) for _ in range(refusals.MOST_WAITING + 20)]
    for thread in threads:
        thread.start()
    for thread in threads[refusals.MOST_WAITING :]:
        thread.join(0.2)
    assert door._waiting <= refusals.MOST_WAITING
    assert sum(thread.is_alive() for thread in threads) <= refusals.MOST_WAITING
    release.set()


@pytest.fixture
def client() -> FlaskClient:
    environ = {"LITELLM_MASTER_KEY": KEY}
    app = create_app(environ=environ)
    return app.test_client()


def test_right_key_is_served_after_wrong_ones(client: FlaskClient) -> None:
    for _ in range(refusals.FREE_TRIES):
        assert client.get("/v1/models", headers={"Authorization": "Bearer sk-wrong"}).status_code == 401
    assert client.get("/v1/models", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
