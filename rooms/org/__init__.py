"""Units, posts, people, deputies and recipient sets, each with its dates."""
