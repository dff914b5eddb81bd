"""Decoding in a cage: a process of its own, with limits, for whatever a submitted file does to the decoder.

    keeper  the worker's side: starts the process, asks it for facts and samples, and survives it
    inmate  the decoder's side: gives itself limits, and answers
    wire    what both say to each other

A decoder is a million lines of C that read what strangers send. Here it may crash, hang or want 50 GB: the keeper kills
it, says so in a named error, and starts another one for the next file. Nothing that it sends is trusted: messages are
JSON, pictures are bytes of a size that was agreed before.
"""
