"""The fast engines: one model, its keys and values kept, written for reading and for speed."""
