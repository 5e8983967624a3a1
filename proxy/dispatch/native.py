"""Which deployments are asked in the client's own dialect, and with which body."""

from collections import OrderedDict

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.domain.operations import CHAT
from proxy.errors import GatewayError
from proxy.providers.contract import Provider
from proxy.providers.parameters import leave_out

MOST_REMEMBERED = 1000


class NativeForms:
    """Servers of which only the address is known are supposed to have a form until one answers that it has not.

    What was refuted is remembered for this process. Each change is a single step: safe for threads.
    """

    def __init__(self) -> None:
        self._lacking: OrderedDict[tuple[str, str], None] = OrderedDict()

    def find(self, provider: Provider, call: Call, deployment: Deployment) -> Provider | None:
        """As find_native, without the forms that were refuted."""
        native = find_native(provider, call, deployment)
        if native is not None and self._lacking and (native.form, _place(deployment)) in self._lacking:
            return None
        return native

    def refute(self, native: Provider, call: Call, deployment: Deployment, error: GatewayError) -> bool:
        """Whether a 404 or 405 shows that the server lacks the form, and the call may be asked otherwise.

        A 404 may also be about the model, or about an earlier answer.
        """
        if native.is_supposed is None or not native.is_supposed(deployment):
            return False
        has_code = error.code is not None and not error.code.isdecimal()
        if call.operation is not CHAT or call.pin is not None or has_code or "model" in error.message.lower():
            return False
        self._lacking[native.form, _place(deployment)] = None
        while len(self._lacking) > MOST_REMEMBERED:
            self._lacking.popitem(last=False)
        return True


def find_native(provider: Provider, call: Call, deployment: Deployment) -> Provider | None:
    """The provider's native form of the client's dialect; None where it has none."""
    native = provider.native.get(call.dialect)
    if native is None or call.operation not in native.operations:
        return None
    return native if native.serves is None or native.serves(deployment) else None


def prepare_native(native: Provider, call: Call, deployment: Deployment) -> tuple[Call, tuple[str, ...]]:
    """The call with the body that goes out, and the names of what was left out of it."""
    assert call.native is not None
    unwanted = (*call.options.additional_drop_params, *deployment.additional_drop_params)
    dropped: tuple[str, ...] = ()
    if unwanted:
        changes, drop, dropped = leave_out(call.native.fields, unwanted)
        call = call._replace(native=call.native.edit(changes, drop))
    if native.prepare is None:
        return call, dropped
    call, left_out = native.prepare(call, deployment)
    return call, (*dropped, *left_out)


def _place(deployment: Deployment) -> str:
    return deployment.api_base or deployment.id
