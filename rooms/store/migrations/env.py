"""Run by alembic for each upgrade; the connection comes from `rooms.store.migrations.settings`."""

from alembic import context

from rooms.store import migrations

context.configure(**migrations.options(context.config.attributes["connection"]))
with context.begin_transaction():
    context.run_migrations()
