"""dlib's own networks, read from dlib's `.dat` files and run by ONNX Runtime.

`stream` reads dlib's numbers and tensors; `layers` are what a network consists of; `reading` knows the order in which
the two networks were written; `graph` turns layers into ONNX.
"""
