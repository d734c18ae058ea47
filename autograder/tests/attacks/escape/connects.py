"""Connects to a port where somebody listens, over every family that has one.

expect: scale=full scale_backward=full
review: yes
"""

import socket


def scale(x, factor):
    for family, address in (
        (socket.AF_INET, ("127.0.0.1", int("@PORT@"))),
        (socket.AF_INET, ("0.0.0.0", int("@PORT@"))),
        (socket.AF_INET6, ("::1", int("@PORT@"))),
        (socket.AF_INET6, ("::ffff:127.0.0.1", int("@PORT@"))),
    ):
        try:
            with socket.socket(family) as line:
                line.settimeout(0.2)
                line.connect(address)
                line.sendall(str(x.tolist()).encode())
        except OSError as error:
            print(error.errno)
    for url in ("http://127.0.0.1:@PORT@/", "file://@ROOT@/instructor/secret"):
        try:
            import urllib.request

            print(urllib.request.urlopen(url, timeout=0.2).read())
        except (OSError, ImportError) as error:
            print(type(error).__name__)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
