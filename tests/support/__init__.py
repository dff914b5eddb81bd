"""What tests of several folders share, as plain modules."""
