"""Columns for the deputies of a meeting's secretary and operator."""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    for column in ("secretary_deputy_id", "operator_deputy_id"):
        # Alembic cannot add a foreign key on SQLite. Both databases accept it as a part of the new column.
        named = f"CONSTRAINT fk_meeting_{column} REFERENCES person (id)"
        op.execute(f"ALTER TABLE meeting ADD COLUMN {column} VARCHAR(32) {named}")
