"""The status page in a real browser: what is seen, light and dark, wide and narrow, by keyboard and without scripts."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.sinks.recent_calls import PUBLISH_SECONDS
from tests.browser.chromium import Page, find_chromium, running_chromium
from tests.live.http import request, wait_until
from tests.live.servers import Server, gateway

KEY = "sk-browser-1234567890"
HELLO = [{"role": "user", "content": "hello"}]
BINARY = find_chromium()

pytestmark = pytest.mark.skipif(BINARY is None, reason="no Chromium here: `make test-browser` says how to get one")

# The lowest contrast of the page's texts, by https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio, and where it is.
CONTRAST = """
(() => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  let worst = [21, ""];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim();
    const element = texts.currentNode.parentElement;
    if (!text || !element.checkVisibility()) continue;
    const [one, other] = [light(numbers(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < worst[0]) worst = [ratio, text];
  }
  return worst;
})()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    assert BINARY is not None
    with running_chromium(BINARY, tmp_path_factory.mktemp("profile")) as running:
        yield running


def config(**sections: object) -> dict[str, object]:
    def entry(name: str, model: str) -> dict[str, object]:
        return {"model_name": name, "litellm_params": {"model": model}}

    return {
        "model_list": [entry("fast", "mock/roses"), entry("broken", "mock/fail-500")],
        "router_settings": {"num_retries": 0, "fallbacks": [{"broken": ["fast"]}]},
        **sections,
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers with some calls behind them."""
    with gateway(config(), tmp_path_factory.mktemp("gateway"), workers=2) as running:
        for model in ("fast", "broken") * 6:
            request(running, "POST", "/v1/chat/completions", {"model": model, "messages": HELLO})
        # A worker publishes its calls for the other one a little later.
        time.sleep(2 * PUBLISH_SECONDS)
        text = "12 requests and 0 errors in the last hour"
        assert wait_until(lambda: all(shown(running, text) for _ in range(12)), 10)
        yield running


def shown(server: Server, text: str) -> bool:
    return text in request(server, "GET", "/", headers={"accept": "text/html"}).body.decode()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390], ids=["wide", "narrow"])
def test_page_can_be_read_when_it_is_looked_at(page: Page, server: Server, dark: bool, width: int) -> None:
    page.look(dark=dark, width=width)
    page.open(server.url)
    page.run("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    assert page.run("document.querySelectorAll('svg.plot').length") == 4
    assert page.run("document.querySelectorAll('details.call').length") == 12
    assert page.run("document.querySelectorAll('svg.plot rect').length") > 0
    ratio, text = page.run(CONTRAST)
    assert ratio >= 4.5, text
    assert page.run("document.documentElement.scrollWidth") <= width
    background = page.run("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(17, 22, 20)") is dark
    assert page.problems == []


def test_call_opens_when_only_the_keyboard_is_used(page: Page, server: Server) -> None:
    page.look()
    page.open(server.url)
    for _ in range(40):
        page.press("Tab")
        if page.run("document.activeElement.tagName") == "SUMMARY":
            break
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press("Enter")
    assert page.run("document.querySelector('details.call').open") is True
    assert "Call id" in page.run("document.querySelector('details.call').innerText")


def test_request_is_explained_when_scripts_are_off(page: Page, server: Server) -> None:
    page.look(scripts=False)
    page.open(server.url)
    page.run("document.querySelector('#model').value = 'broken'; document.querySelector('#prompt').focus()")
    page.press("Enter", loads=True)
    assert "then by fast" in page.run("document.body.innerText")
    assert page.problems == []


def test_page_opens_when_the_key_is_typed(page: Page, tmp_path: Path) -> None:
    page.look()
    with gateway(config(general_settings={"master_key": KEY}), tmp_path) as locked:
        page.open(locked.url)
        assert "Deployments" not in page.run("document.body.innerText")
        # The field gets the focus a moment after the load.
        page.wait_for("document.activeElement.tagName === 'INPUT'")
        page.type(KEY)
        page.press("Enter", loads=True)
        assert "mock/roses" in page.run("document.body.innerText")
        assert page.run("document.cookie") == ""
    assert [problem for problem in page.problems if "401" not in problem] == []
