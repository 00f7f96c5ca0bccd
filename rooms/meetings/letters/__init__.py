"""Giấy mời: what an invitation, its amendment and its cancellation say, and their pages as PDF and DOCX.

`draft` fills the fields from the meeting, `make` keeps a letter with its number, `pdf` and `docx` turn fields into files. The
files are slow to make and block: call them in a thread. Signing, numbering and sending the letter of record stay with the
document system; no letter holds a PIN, a password or a personal link.
"""

from rooms.meetings.letters.fields import KINDS, Fields, checked, draft, sample
from rooms.meetings.letters.records import listed, make, template_of, upload, upload_checked
from rooms.meetings.letters.typesetting import pdf, pdf_set
from rooms.meetings.letters.word import built_in, check_template, docx

__all__ = [
    "KINDS",
    "Fields",
    "built_in",
    "check_template",
    "checked",
    "docx",
    "draft",
    "listed",
    "make",
    "pdf",
    "pdf_set",
    "sample",
    "template_of",
    "upload",
    "upload_checked",
]
