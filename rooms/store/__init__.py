"""The SQL database: its migrations, the audit trail, jobs and backup."""
