"""What every route of the REST API rests on: refusals, pages of lists, the question who asks, and what the server hands in."""
