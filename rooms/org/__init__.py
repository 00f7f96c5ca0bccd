"""Units, posts, people, deputies, recipient sets: who there is, and when."""
