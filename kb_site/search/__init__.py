"""Search over every published record, in French and English. Call `search`.

`analysis` makes terms of text, `documents` says what is searched, `query` what was asked,
`engines` find, `results` show.
"""
