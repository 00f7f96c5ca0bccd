"""Encrypted copies of the database: the keys, the encryption, and the copy."""
