"""The bound on requests at once: who waits, who is next, who is refused."""

import threading
import time

import pytest

from proxy.errors import ServiceUnavailableError
from proxy.gateway.request_queue import Place, QueueLimits, RequestQueue


class Crowd:
    """Requests that wait, each in a thread of its own; `served` are their names in the order of their turns."""

    def __init__(self, queue: RequestQueue) -> None:
        self.queue = queue
        self.served: list[str] = []
        self.refused: list[str] = []
        self.places: list[Place] = []
        self._threads: list[threading.Thread] = []

    def send(self, key: str, name: str) -> None:
        before = self.queue.waiting, len(self.refused)
        thread = threading.Thread(target=self._enter, args=(key, name), daemon=True)
        self._threads.append(thread)
        thread.start()
        deadline = time.monotonic() + 5
        while (self.queue.waiting, len(self.refused)) == before and time.monotonic() < deadline:
            time.sleep(0.0005)

    def serve(self, count: int) -> list[str]:
        """End so many requests, one after another."""
        for _ in range(count):
            known = len(self.served)
            self.places.pop(0).leave()
            deadline = time.monotonic() + 5
            while len(self.served) == known and time.monotonic() < deadline:
                time.sleep(0.0005)
        return self.served

    def _enter(self, key: str, name: str) -> None:
        try:
            place = self.queue.enter(key)
        except ServiceUnavailableError:
            self.refused.append(name)
            return
        self.places.append(place)
        self.served.append(name)


def crowd(running: int = 1, waiting: int = 10, seconds: float = 10.0) -> Crowd:
    made = Crowd(RequestQueue(QueueLimits(running, waiting, seconds), time.monotonic))
    made.places = [made.queue.enter("first") for _ in range(running)]
    return made


def test_a_key_with_many_waiting_does_not_delay_the_first_of_another() -> None:
    requests = crowd(waiting=500)
    for number in range(60):
        requests.send("flood", f"flood-{number}")
    requests.send("calm", "calm-0")
    assert requests.serve(2) == ["flood-0", "calm-0"]


def test_keys_take_turns_and_each_is_first_come_first_served() -> None:
    requests = crowd()
    for name in ("a-0", "a-1", "a-2", "b-0", "b-1"):
        requests.send(name[0], name)
    assert requests.serve(5) == ["a-0", "b-0", "a-1", "b-1", "a-2"]


def test_the_key_that_floods_gives_way_when_all_places_are_taken() -> None:
    requests = crowd(waiting=4)
    for number in range(4):
        requests.send("flood", f"flood-{number}")
    requests.send("flood", "flood-4")
    assert requests.refused == ["flood-4"]
    requests.send("calm", "calm-0")
    assert requests.queue.waiting == 4
    assert requests.serve(4) == ["flood-0", "calm-0", "flood-1", "flood-2"]
    assert set(requests.refused) == {"flood-3", "flood-4"}


def test_a_request_is_refused_at_once_when_none_may_wait() -> None:
    queue = RequestQueue(QueueLimits(1, 0, 10.0), time.monotonic)
    place = queue.enter("a")
    with pytest.raises(ServiceUnavailableError) as refused:
        queue.enter("b")
    assert refused.value.retry_after == 1.0 and refused.value.error_type == "overloaded"
    place.leave()
    place.leave()
    assert queue.running == 0


def test_a_request_that_has_waited_too_long_is_refused_and_keeps_no_place() -> None:
    queue = RequestQueue(QueueLimits(1, 5, 0.02), time.monotonic)
    place = queue.enter("a")
    with pytest.raises(ServiceUnavailableError, match="too long"):
        queue.enter("b")
    assert queue.waiting == 0
    place.leave()
    assert queue.running == 0


def test_the_place_of_a_request_that_was_lost_comes_back() -> None:
    queue = RequestQueue(QueueLimits(1, 0, 1.0), time.monotonic)
    place = queue.enter("a")
    del place
    assert queue.enter("b") is not None


def test_retry_after_grows_with_the_time_that_requests_take() -> None:
    now = [0.0]
    queue = RequestQueue(QueueLimits(1, 0, 1.0), lambda: now[0])
    for _ in range(40):
        place = queue.enter("a")
        now[0] += 20.0
        place.leave()
    place = queue.enter("a")
    with pytest.raises(ServiceUnavailableError) as refused:
        queue.enter("b")
    assert 15 <= (refused.value.retry_after or 0) <= 20
    place.leave()


def test_more_are_served_when_a_reload_raises_the_bound() -> None:
    requests = crowd(running=1)
    for number in range(3):
        requests.send("a", f"a-{number}")
    requests.queue.limits = QueueLimits(3, 10, 10.0)
    requests.serve(1)
    deadline = time.monotonic() + 5
    while len(requests.served) < 3 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(requests.served) == 3 and requests.queue.running == 3
