"""The script that alembic runs for each upgrade. The connection comes from `rooms.store.migrations.steps.settings`."""

from alembic import context

from rooms.store.migrations import steps

context.configure(**steps.options(context.config.attributes["connection"]))
with context.begin_transaction():
    context.run_migrations()
