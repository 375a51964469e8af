"""Alembic's entry: it runs on the connection, and in the transaction, that `schema.upgrade` hands it."""

from alembic import context

from llo11ypop.ledger.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
context.run_migrations()
