"""Databases with a small province."""

from tests.rooms.conftest import database, database_url, now, postgres, province, sqlite_template

__all__ = ["database", "database_url", "now", "postgres", "province", "sqlite_template"]
