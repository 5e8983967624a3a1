"""Prices that are found once."""

from proxy.accounting.book import PriceBook
from proxy.accounting.prices import PriceTable
from proxy.accounting.rows import parse_public
from proxy.domain.deployment import Deployment


class CountingTable(PriceTable):
    looked_up = 0

    def find(self, provider: str, model: str):
        self.looked_up += 1
        return super().find(provider, model)


def make_table() -> CountingTable:
    row = parse_public({"litellm_provider": "openai", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6})
    assert row is not None
    return CountingTable(rows={"gpt-4o": row})


def test_a_price_is_looked_up_once_for_a_deployment_and_the_model_that_answered():
    table = make_table()
    book, deployment = PriceBook(table), Deployment("1", "group", "openai", "gpt-4o")
    first, again = book.find(deployment, None), book.find(deployment, None)
    assert first is not None
    assert first is again
    assert table.looked_up == 1


def test_an_equal_id_is_not_enough_when_the_deployment_is_another():
    book = PriceBook(make_table())
    priced = book.find(Deployment("1", "group", "openai", "gpt-4o"), None)
    unknown = book.find(Deployment("1", "group", "openai", "something"), None)
    assert priced is not None
    assert unknown is None


def test_nothing_is_remembered_of_a_deployment_that_a_client_owns():
    table = make_table()
    book, deployment = PriceBook(table), Deployment("1", "group", "openai", "gpt-4o", client_owned=True)
    assert book.find(deployment, None) == book.find(deployment, None) is not None
    assert table.looked_up == 2
