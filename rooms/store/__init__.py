"""SQL: the database, its migrations, the audit trail, work that is due, backup."""
