"""Makes folders in folders, deeper than anybody can remove them by recursion.

expect: ended
"""

import os


def save(folder, secret, outside):
    while True:
        folder += "/d"
        os.mkdir(folder, 0)
        os.chmod(folder, 0o700)
