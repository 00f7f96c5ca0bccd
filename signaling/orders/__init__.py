"""The orders of a live meeting: their names, fields, rights, refusals, and how they are performed.

`table` names every order once. `/desk`, the REST routes of the desk, and the routes `/host` use the same orders. `conference`
defines the effects.
"""
