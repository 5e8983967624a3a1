"""How Alembic runs the steps: over the connection that it is handed, in one transaction."""

from alembic import context

from proxy.storage.tables import METADATA


def run() -> None:
    context.configure(
        connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True
    )
    with context.begin_transaction():
        context.run_migrations()


run()
