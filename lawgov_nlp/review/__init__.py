"""The local page on which people correct what a model found: `lawgov review`.

`coding` represents the coding of one paragraph, `store` keeps it on disk, `library` holds the reports of a session, and
`server` answers the page in `static/`. Nothing here imports the training, because learning runs in a separate process.
"""
