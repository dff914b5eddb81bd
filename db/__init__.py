"""The only place that speaks SQL. One file per subject; functions take an open session and never commit."""
