"""Hands in documents and pictures instead of code.

expect: scale=0 scale_backward=0
"""


def files():
    return {"scale.pdf": b"%PDF-1.7", "scale.docx": b"PK\x03\x04", "scale.html": b"<html>", "scale.png": b"\x89PNG"}
