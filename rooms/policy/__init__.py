"""Who may do what: pure functions over plain values, tested as tables. Owns no state and asks no database."""
