"""The blueprints, one file each. Every route answers with and without the /v1 prefix, and as Azure writes it."""

from flask import Blueprint, Flask

from proxy.endpoints import chat, completions, embeddings, health, inspection, metrics, models, moderations
from proxy.pages import home, status

BLUEPRINTS: tuple[Blueprint, ...] = (
    chat.blueprint,
    completions.blueprint,
    embeddings.blueprint,
    moderations.blueprint,
    models.blueprint,
    health.blueprint,
    home.blueprint,
    inspection.blueprint,
    metrics.blueprint,
)


def register(app: Flask) -> None:
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
        app.register_blueprint(blueprint, url_prefix="/v1", name=f"{blueprint.name}_v1")
        app.register_blueprint(blueprint, url_prefix="/openai/v1", name=f"{blueprint.name}_azure_v1")
    app.register_blueprint(status.blueprint)
