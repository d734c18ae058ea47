"""Has symbolic links in an archive, to the solution and to a device.

expect: scale=0 scale_backward=0
status: unreadable
"""

import io
import zipfile

def files():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, target in (("scale.py", "@ROOT@/solutions/vol1_toys/scale.py"), ("b.ipynb", "/dev/zero")):
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o120777 << 16
            archive.writestr(info, target)
    return {"scale.zip": buffer.getvalue()}
