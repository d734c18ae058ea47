"""What students are given: ready to use, and nothing here is to be written."""
