"""Databases with a small province, for the routes that use them."""

from tests.rooms.conftest import database, database_url, postgres, province, sqlite_template

__all__ = ["database", "database_url", "postgres", "province", "sqlite_template"]
