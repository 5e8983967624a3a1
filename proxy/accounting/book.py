"""Prices found once: which row holds for a deployment does not change while the process runs."""

from proxy.accounting.cost import Priced, find_prices
from proxy.accounting.prices import PriceTable
from proxy.domain.deployment import Deployment

_MOST = 4096


class PriceBook:
    """`find_prices` with a memory, for the deployment objects of the configuration. Safe for threads."""

    def __init__(self, table: PriceTable) -> None:
        self._table = table
        # The deployment is kept beside what was found, so that its id() stays its own.
        self._found: dict[tuple[int, str | None], tuple[Deployment, Priced | None]] = {}

    def find(self, deployment: Deployment, answered: str | None) -> Priced | None:
        """As `find_prices`. `answered` is the model that the answer names."""
        if deployment.client_owned:
            # It is made for one request, and holds a client's key: nothing to remember.
            return find_prices(deployment, self._table, answered)
        key = (id(deployment), answered)
        known = self._found.get(key)
        if known is None:
            if len(self._found) >= _MOST:
                # Routers of clients bring deployments of their own, and go.
                self._found.clear()
            known = self._found[key] = (deployment, find_prices(deployment, self._table, answered))
        return known[1]
