"""The local page on which people correct what a model found: `lawgov review`.

`coding` is what a person says of one paragraph, `store` keeps it on disk, `library` holds the reports of a session,
`server` answers the page in `static/`. Nothing here imports the training; learning runs in a process of its own.
"""
