"""Units, posts, people, sites, halls and terminals as CSV and XLSX files. A file is read and checked as a whole, and all or
nothing is written.
"""
