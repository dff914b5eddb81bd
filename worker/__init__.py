"""One segment in, faces out: video, sampling, gate, scan; and the thin Celery tasks over them."""
