"""The HTTP side: `/api/v1` (REST, described by OpenAPI 3.1), the built pages and the authority's certificate.

Owns requests and responses, the invitation secret and the rate limit. What a token allows is decided in `conference`.
The REST API itself is `signaling.api.application`. It is imported by whom it concerns: it takes most of a second.
"""
