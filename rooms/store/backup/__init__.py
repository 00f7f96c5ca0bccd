"""Encrypted copies of the database: the keys, the ciphering, and the copy itself."""
