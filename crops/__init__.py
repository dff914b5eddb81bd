"""Pictures of faces, where ledger and store meet: written into packs, read from either, collected when nobody is shown.

`db.crops` and `db.packs` know the rows, `storage` the files. In between nothing is asked of a store inside a
transaction that writes.
"""
