"""Face models and the words of the field: detection, embedding, quality, gallery, grouping, decision.

Face models, not database models. Arrays in, values out: no SQL, no Celery, no web, no files but the weights.
"""
