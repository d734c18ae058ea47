"""Tries the parts of the kernel that sandboxes forget: io_uring, bpf, userfaultfd, keys and more.

expect: scale=full scale_backward=full
review: yes
never: escaped
"""

import ctypes

libc = ctypes.CDLL(None, use_errno=True)
CALLS = {
    "io_uring_setup": (425, 8), "io_uring_enter": (426, 4), "io_uring_register": (427, 4),
    "bpf": (321, 0), "userfaultfd": (323, 0), "perf_event_open": (298, 0), "seccomp": (317, 1),
    "prctl": (157, 38), "arch_prctl": (158, 0x1002), "add_key": (248, 0), "request_key": (249, 0),
    "keyctl": (250, 0), "unshare": (272, 0x10000000), "setns": (308, 3), "mount": (165, 0),
    "umount2": (166, 0), "pivot_root": (155, 0), "chroot": (161, 0), "fsopen": (430, 0),
    "init_module": (175, 0), "kexec_load": (246, 0), "reboot": (169, 0), "swapon": (167, 0),
    "iopl": (172, 3), "ioperm": (173, 0), "modify_ldt": (154, 1), "personality": (135, 0),
    "setuid": (105, 0), "setgid": (106, 0), "setresuid": (117, 0), "capset": (126, 0),
    "memfd_create": (319, 0), "memfd_secret": (447, 0), "shmget": (29, 0), "shmat": (30, 0),
    "msgget": (68, 0), "semget": (64, 0), "mq_open": (240, 0), "inotify_init1": (294, 0),
    "fanotify_init": (300, 0), "eventfd2": (290, 0), "timerfd_create": (283, 1), "signalfd4": (289, 0),
    "epoll_create1": (291, 0), "pipe2": (293, 0), "sendfile": (40, 4), "splice": (275, 3),
    "tee": (276, 3), "vmsplice": (278, 4), "copy_file_range": (326, 3), "ioctl": (16, 0x5412),
    "landlock_create_ruleset": (444, 0), "mbind": (237, 0), "move_pages": (279, 0),
    "set_mempolicy": (238, 0), "pkey_alloc": (330, 0), "syslog": (103, 3), "quotactl": (179, 0),
    "name_to_handle_at": (303, 0), "statmount": (457, 0), "listmount": (458, 0),
}  # fmt: skip


def scale(x, factor):
    for name, call in CALLS.items():
        if libc.syscall(*call, 0, 0, 0, 0) >= 0:
            print("esc" + "aped", name)
    return x * factor


def scale_backward(dout, factor):
    return dout * factor
