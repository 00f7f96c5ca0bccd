"""Hall terminals as participants: their lines, their keypads, and the rules for calling them."""
