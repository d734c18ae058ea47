"""Is asynchronous.

expect: scale=0 scale_backward=0
"""

import asyncio


async def scale(x, factor):
    await asyncio.sleep(0)
    return x * factor


async def scale_backward(dout, factor):
    yield dout * factor
