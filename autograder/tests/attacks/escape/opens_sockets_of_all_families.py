"""Opens sockets of every family and kind there is, and pairs of them.

expect: scale=full scale_backward=full
review: yes
never: escaped
"""

import ctypes
import socket

libc = ctypes.CDLL(None, use_errno=True)


def scale(x, factor):
    for family in range(46):
        for kind in (1, 2, 3, 5):
            if libc.socket(family, kind, 0) >= 0:
                print("esc" + "aped", family, kind)
            pair = (ctypes.c_int * 2)()
            if libc.socketpair(family, kind, 0, pair) >= 0:
                print("esc" + "aped", family, kind)
    for number in (42, 43, 44, 46, 49, 50):  # connect, accept, sendto, sendmsg, bind, listen
        print(libc.syscall(number, 4, 0, 0, 0, 0, 0))
    try:
        socket.create_connection(("127.0.0.1", int("@PORT@")), 0.2)
    except OSError as error:
        print(error.errno)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
