"""Settings, errors, logging and the Celery application. Imports nothing of ours."""
