"""What people look at: the report of a video as a page, JSON, CSV and WebVTT."""
