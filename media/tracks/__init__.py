"""What is published and what is forwarded of it to a peer."""
