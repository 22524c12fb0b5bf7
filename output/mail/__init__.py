"""A report as a mail, and its delivery."""
