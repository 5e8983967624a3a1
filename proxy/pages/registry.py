"""The pages for people, a blueprint each. They are at their own paths only, not below /v1."""

from collections.abc import Sequence

from flask import Blueprint

from proxy.pages import api, status

PAGES: Sequence[Blueprint] = [
    status.blueprint,
    api.blueprint,
]
