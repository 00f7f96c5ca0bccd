"""Giấy mời: what an invitation, its amendment and its cancellation say, and their pages as PDF and DOCX.

`fields.draft` fills the fields from the meeting, `records.make` keeps a letter with its number, `typesetting.pdf` and `word.docx`
turn fields into files. The files are slow to make and block: call them in a thread. Signing, numbering and sending the letter of
record stay with the document system; no letter holds a PIN, a password or a personal link.
"""
