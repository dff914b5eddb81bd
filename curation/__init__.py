"""Photographs in: enrolment, identification, export of embeddings."""
