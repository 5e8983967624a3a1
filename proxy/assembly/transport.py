"""The transport, and the credentials that are fetched through it."""

from collections.abc import Mapping

from proxy import __version__
from proxy.dispatch.exchange import Sender
from proxy.domain.secrets import SecretRegistry
from proxy.domain.wire import Clocks, WireRequest, WireResponse
from proxy.mock.local import build_local
from proxy.providers.contract import Auth
from proxy.runtime import Runtime
from proxy.settings import Settings
from proxy.settings.network import read_network
from proxy.transport.credentials import Credentials
from proxy.transport.credentials.aws import AwsCredentials
from proxy.transport.credentials.azure import AzureCredentials
from proxy.transport.credentials.google import GoogleCredentials
from proxy.transport.credentials.ibm import IbmCredentials
from proxy.transport.credentials.masked import MaskedCredentials, TokenMasks
from proxy.transport.guard import Guard, build_policy
from proxy.transport.transport import Transport

_TOKEN_CLOCKS = Clocks(connect=5.0, first=15.0, idle=10.0, total=30.0)


def build_transport(settings: Settings, runtime: Runtime) -> Transport:
    network = read_network(settings.environ, settings.litellm.ssl_verify)
    return Transport(
        runtime,
        local={"mock": build_local(runtime.sleep, runtime.now)},
        user_agent=f"patchbay/{__version__}",
        verify=network.verify,
        proxies=network.proxies,
        no_proxy=network.no_proxy,
        guard=Guard(build_policy(settings.litellm.provider_url_destination_allowed_hosts)),
    )


def build_credentials(transport: Sender, runtime: Runtime, secrets: SecretRegistry) -> Mapping[Auth, Credentials]:
    """Tokens are fetched through the transport, like everything that leaves, and are masked as configured keys are."""
    masks = TokenMasks(secrets)

    def fetch(request: WireRequest) -> WireResponse:
        masks.learn(request)
        return transport.send(request, _TOKEN_CLOCKS)

    kinds: Mapping[Auth, Credentials] = {
        "aws": AwsCredentials(),
        "azure": AzureCredentials(fetch, runtime.monotonic),
        "google": GoogleCredentials(fetch),
        "ibm": IbmCredentials(fetch, runtime.monotonic),
    }
    return {kind: MaskedCredentials(credentials, masks) for kind, credentials in kinds.items()}
