"""Alerts for the operator: budgets that are nearly or wholly spent, and deployments that are out of service.

An alert is sent off the path of the call, to each receiver, and never twice within a budget's window or, for what has none,
within a day: a marker in a folder is made once by all workers of a host.
"""

import hashlib
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from proxy.counters.values import Limit
from proxy.domain.account import NANODOLLARS
from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.json_text.codec import dumps
from proxy.runtime import Runtime
from proxy.sinks.contract import Post, check_posted

_log = logging.getLogger("patchbay.alerts")

Form = Literal["webhook", "slack"]
_MOST_WAITING = 1000
_TRIES = 3
_DAY = 86400
_HOUR = 3600
# Shares of a budget, in percent, from which an alert is sent; LiteLLM's: 15 % and 5 % are left.
_THRESHOLDS = (95, 85)
_MARKERS_KEPT = 62 * _DAY


class Receiver(NamedTuple):
    url: str
    form: Form


class Alert(NamedTuple):
    """`event` and `group` are LiteLLM's names, `fields` what its webhook has besides."""

    event: str
    group: str
    message: str
    fields: Mapping[str, Any]


class Alerts:
    """One per application. `folder`: of the host's markers; None for a single process."""

    def __init__(
        self, receivers: Sequence[Receiver], types: Sequence[str], post: Post, runtime: Runtime, folder: Path | None
    ) -> None:
        self._receivers = tuple(receivers)
        self._watches_budgets = not types or "budget_alerts" in types
        self._watches_deployments = not types or "cooldown_deployment" in types
        self._post = post
        self._runtime = runtime
        self._folder = folder
        self._sent: set[str] = set()
        self._waiting: queue.Queue[Alert] = queue.Queue(_MOST_WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def on_spend(self, limits: Sequence[Limit], used: Sequence[int], call: Call) -> None:
        """`used`: what is used of the call's budgets after it."""
        if not self._watches_budgets:
            return
        soft = _soft_budgets(call)
        for limit, spent in zip(limits, used, strict=True):
            counter, maximum = limit.counter, limit.maximum
            bound = soft.get((counter.kind, counter.id))
            if bound is not None and spent >= bound:
                self._alert_of_budget(limit, spent, bound, "soft_budget_crossed", call)
            if maximum is None or spent * 100 < maximum * _THRESHOLDS[-1]:
                continue
            if spent >= maximum:
                self._alert_of_budget(limit, spent, maximum, "budget_crossed", call)
                continue
            share = next(share for share in _THRESHOLDS if spent * 100 >= maximum * share)
            self._alert_of_budget(limit, spent, maximum, "threshold_crossed", call, share)

    def on_cooldown(self, deployment: Deployment, status: int) -> None:
        if not self._watches_deployments:
            return
        now = self._runtime.now()
        if self._is_first("cooldown", deployment.id, str(int(now // _HOUR))):
            message = f"The deployment {deployment.id} of {deployment.group} is out of service (status {status})."
            fields = {"model_id": deployment.id, "model_group": deployment.group, "status_code": status}
            self._put(Alert("cooldown_deployment", "deployment", message, fields))

    def _alert_of_budget(self, limit: Limit, spent: int, bound: int, event: str, call: Call, share: int = 100) -> None:
        counter, now = limit.counter, self._runtime.now()
        start = limit.window.bounds(now)[0] or int(now // _DAY)
        if not self._is_first(event, str(share), *counter, str(start)):
            return
        left = f", {100 - share} % or less is left" if event == "threshold_crossed" else ""
        what = counter.kind.replace("_", " ").capitalize()
        account = call.account
        name = account.name if account is not None and counter.kind == "key" else counter.id
        amounts = f"{spent / NANODOLLARS:.6f} of {bound / NANODOLLARS:.6f} USD"
        message = f"{what} {name}: {event.replace('_', ' ')}{left}. Spent: {amounts}."
        owner = call.requester.owner
        fields = {
            "spend": spent / NANODOLLARS,
            "max_budget": None if limit.maximum is None else limit.maximum / NANODOLLARS,
            "soft_budget": bound / NANODOLLARS if event == "soft_budget_crossed" else None,
            "token": account.token if account is not None else None,
            "key_alias": account.key.alias if account is not None else None,
            "user_id": owner.user_id,
            "user_email": owner.user_email,
            "team_id": owner.team_id,
            "team_alias": owner.team_alias,
            "organization_id": owner.organization_id,
            "customer_id": call.end_user,
            "projected_exceeded_date": None,
            "projected_spend": None,
        }
        self._put(Alert(event, counter.kind, message, fields))

    def _is_first(self, *parts: str) -> bool:
        """Whether no worker of the host has alerted of this before."""
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        with self._lock:
            if digest in self._sent:
                return False
            if len(self._sent) >= _MOST_WAITING:
                self._sent.clear()
            self._sent.add(digest)
        if self._folder is None:
            return True
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._folder / digest).touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            return False
        except OSError as error:
            _log.warning("alerts can't be marked as sent: %s", error.strerror)
        return True

    def _put(self, alert: Alert) -> None:
        try:
            self._waiting.put_nowait(alert)
        except queue.Full:
            _log.warning("an alert is lost: %d wait to be sent", _MOST_WAITING)
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        self._remove_old_markers()
        while True:
            alert = self._waiting.get()
            for receiver in self._receivers:
                self._send(receiver, alert)
            self._waiting.task_done()

    def _send(self, receiver: Receiver, alert: Alert) -> None:
        body = dumps(build_body(alert, receiver.form))
        for turn in range(_TRIES):
            try:
                check_posted(self._post(receiver.url, body, {"content-type": "application/json"}))
            except Exception as error:  # noqa: BLE001  a receiver's fault stops nothing
                if turn + 1 == _TRIES:
                    _log.warning("an alert (%s) was not taken: %s", alert.event, type(error).__name__)
                else:
                    self._runtime.sleep(0.5 * 2**turn)
            else:
                return

    def _remove_old_markers(self) -> None:
        if self._folder is None or not self._folder.is_dir():
            return
        oldest = self._runtime.now() - _MARKERS_KEPT
        for marker in self._folder.iterdir():
            if marker.stat().st_mtime < oldest:
                marker.unlink(missing_ok=True)

    def wait(self) -> None:
        """Until all is sent, or lost."""
        self._waiting.join()


def build_body(alert: Alert, form: Form) -> dict[str, Any]:
    """LiteLLM's webhook event, or what Slack and its kin take."""
    if form == "slack":
        return {"text": f"*{alert.event.replace('_', ' ').capitalize()}*\n{alert.message}"}
    return {**alert.fields, "event": alert.event, "event_group": alert.group, "event_message": alert.message}


def _soft_budgets(call: Call) -> dict[tuple[str, str], int]:
    if call.account is None:
        return {}
    return {entity.subject: entity.budget.soft for entity in call.account.entities() if entity.budget.soft is not None}


OnCooldown = Callable[[Deployment, int], None]


def both(first: OnCooldown, second: OnCooldown) -> OnCooldown:
    def notify(deployment: Deployment, status: int) -> None:
        first(deployment, status)
        second(deployment, status)

    return notify
