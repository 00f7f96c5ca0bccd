"""What is asked for: a request, the plan that it becomes, its preview, and templates for the next request."""
