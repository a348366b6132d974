"""Pages kept ready for readers, and forgotten the moment what they are made of changes.

`stamp` tells one state of the site from the next, `store` keeps pages in memory and on disk, and
`layer` answers from there before Django is asked. `writes` moves the stamp.
"""
