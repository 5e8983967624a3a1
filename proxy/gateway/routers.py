"""Which router serves a call: the operator's, or that of the client's own `user_config`."""

from proxy.domain.call import Call
from proxy.domain.deployment import Deployment
from proxy.errors import GatewayError, ServiceUnavailableError
from proxy.gateway.outages import Outages
from proxy.gateway.user_routers import UserRouters
from proxy.routing.router import Router
from proxy.settings import Settings
from proxy.settings.provider_choice import infer_provider


class Routers:
    """One per application. `configured` is the operator's router."""

    def __init__(self, settings: Settings, configured: Router, clients: UserRouters) -> None:
        self.configured = configured
        self._outages = Outages(settings, infer_provider) if settings.out_of_service else None
        self._clients = clients

    def find(self, call: Call) -> Router:
        if call.options.user_config is not None:
            return self._clients.find(call.options.user_config).router
        if self._outages and self._outages.holds(call.model):
            raise ServiceUnavailableError(
                f"The model '{call.model}' is out of service: its configuration is incomplete.", param="model"
            )
        return self.configured

    def last_tried(self, call: Call, error: GatewayError) -> Deployment | None:
        """The deployment of the last try, its wildcard filled in; None for a call that reached no deployment."""
        if not error.attempts:
            return None
        last = error.attempts[-1]
        group = self.find(call).catalogue.find(last.group)
        if group is None:
            return None
        return next((deployment for deployment in group.deployments if deployment.id == last.deployment_id), None)
