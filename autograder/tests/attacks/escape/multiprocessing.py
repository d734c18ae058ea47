"""Uses the pools and managers of the standard library.

expect: scale=full scale_backward=full
review: yes
"""

def touch(path="@MARKER@"):
    open(path, "w").close()


def scale(x, factor):
    for method in ("fork", "spawn", "forkserver"):
        try:
            import multiprocessing

            process = multiprocessing.get_context(method).Process(target=touch)
            process.start()
            process.join(0.1)
        except Exception as error:
            print(type(error).__name__)
    try:
        import concurrent.futures

        with concurrent.futures.ProcessPoolExecutor(1) as pool:
            pool.submit(touch).result(0.1)
    except Exception as error:
        print(type(error).__name__)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
