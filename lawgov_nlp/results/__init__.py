"""The results for a report and their output forms: tables, JSON, a web page, files."""
