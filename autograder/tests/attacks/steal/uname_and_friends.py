"""Asks for names of the machine, the user and the network.

expect: scale=full scale_backward=full
review: yes
"""

import getpass
import os
import platform
import pwd
import socket


def scale(x, factor):
    for way in (
        platform.uname,
        platform.node,
        socket.gethostname,
        getpass.getuser,
        os.getlogin,
        os.getcwd,
        os.getgroups,
        lambda: pwd.getpwuid(0),
        lambda: socket.getaddrinfo("localhost", 80),
        lambda: os.sched_getaffinity(0),
        os.getloadavg,
    ):
        try:
            print(way())
        except Exception as error:
            print(type(error).__name__)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
