"""What was found in a report, and the forms that it can be given: tables, JSON, a page, files."""
