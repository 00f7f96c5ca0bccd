"""Giấy mời: the content of invitations, amendments and cancellations, and their pages as PDF and DOCX.

`fields.draft` fills the fields from the meeting. `records.make` stores a letter with its number. `typesetting.pdf` and
`word.docx` make files from fields. These two are slow and block: call them in a thread. The document system signs, numbers and
sends the letter of record. A letter never holds a PIN, a password or a personal link.
"""
