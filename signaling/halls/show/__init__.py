"""What a hall reads about its meeting and who is in it."""
