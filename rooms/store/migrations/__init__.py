"""Migrations of the database schema, the same for SQLite and PostgreSQL. `steps` applies them."""
