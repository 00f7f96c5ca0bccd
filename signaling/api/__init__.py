"""The HTTP side: `/api/v1` (REST, described by OpenAPI 3.1) and the built pages.

The folder owns requests and responses, the invitation secret and the rate limit. `conference` decides what a token allows. The
REST API itself is `signaling.api.application`. Its import takes most of a second, so only the modules that need it import it.
"""
