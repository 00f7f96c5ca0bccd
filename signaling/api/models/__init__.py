"""The requests and answers of the REST API, as pydantic models: one file for each group of resources.

The models define shapes and limits (an unknown field is refused). `rooms` decides the rights and the meaning of values. Times
are instants with a zone (RFC 3339); the server returns UTC, and the pages show Asia/Ho_Chi_Minh.
"""
