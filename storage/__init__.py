"""Where files are: folders and S3-compatible buckets behind one interface, and local copies of objects.

It knows nothing of what is in the files. boto3 is loaded when a bucket is first asked for.
"""
