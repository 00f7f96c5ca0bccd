"""A call from INVITE to BYE, in both directions."""
