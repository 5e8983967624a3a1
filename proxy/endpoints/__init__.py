"""The endpoints, one file each. Every route answers with and without the /v1 prefix, and as Azure writes it."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from flask import Blueprint, Flask

from proxy.pages import home
from proxy.pages.registry import PAGES

# The last is what a base URL with `/v1` becomes in a client that adds its own.
_PREFIXES = {"": "", "_v1": "/v1", "_azure_v1": "/openai/v1", "_v1_v1": "/v1/v1"}


def register(app: Flask) -> None:
    for blueprint in (*find_blueprints(), home.blueprint):
        for suffix, prefix in _PREFIXES.items():
            app.register_blueprint(blueprint, url_prefix=prefix or None, name=f"{blueprint.name}{suffix}")
    for page in PAGES:
        app.register_blueprint(page)


def find_blueprints() -> Iterator[Blueprint]:
    """The `blueprint` of each file of this package that has one: a file is all that an endpoint needs here."""
    for module in iter_modules(__path__):
        blueprint = getattr(import_module(f"{__name__}.{module.name}"), "blueprint", None)
        if isinstance(blueprint, Blueprint):
            yield blueprint
