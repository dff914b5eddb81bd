"""`make bench`: claims about speed, measured. Both sides of a ratio run in turn, in one process, on the same input."""
