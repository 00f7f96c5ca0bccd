"""Units, posts, people, sites, halls and terminals as CSV and XLSX files: read whole, checked whole, written all or nothing."""
