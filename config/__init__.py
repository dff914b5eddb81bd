"""Settings, errors, logging and the Celery application: what every other package may import. Imports nothing of ours."""
