"""The base of every route of the REST API: refusals, pages of lists, the user of a request, and the parts from the server."""
