"""What the REST API takes and gives, as pydantic models: one file for each group of resources.

Owns shapes and bounds (a field that is not known is refused); who may do what and what a value means is decided in `rooms`.
Times are instants with a zone (RFC 3339); the server gives UTC and people read Asia/Ho_Chi_Minh.
"""
