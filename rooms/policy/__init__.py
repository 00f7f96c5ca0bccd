"""The rules of who may do what: pure functions over plain values, tested as tables. They own no state and use no database."""
