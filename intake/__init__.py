"""Intake: places where uploads lie become rows of the ledger, with all that is known of them beforehand.

watching    what lies in watched folders and buckets, and whether it is whole
rules       what the names of files and folders tell
sidecars    what a file beside the upload tells
admission   hash, probe, and a row for each content
"""
