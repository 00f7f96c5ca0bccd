"""The words for halls: the texts in a picture without sites, and the announcements to single halls."""
