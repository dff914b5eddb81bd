"""Evaluation: how often a rule names strangers and misses enrolled people, on material whose truth is known.

Terms as in ISO/IEC 19795-1 and NIST's Face Recognition Technology Evaluation (FRTE 1:N). Arrays in, rates out: what
reads photographs hands their faces in, as the arrays of `rollcall embed`; what reads the ledger hands in who was seen.
"""
