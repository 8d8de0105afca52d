"""What a process that trains or optimises asks of the memory allocator."""

import ctypes

# glibc's names and values of <malloc.h>.
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Keep what is freed for the next step, instead of giving it back to the system.

    glibc returns every large tensor, and at the next layer the system has to find, and clear, each
    of its pages anew: a tenth of the time of a step. The process stays as large as it ever was, so
    this is for one that does little else. Elsewhere than on glibc it does nothing.
    """
    try:
        allocate = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl and macOS; Windows
        return
    allocate(M_MMAP_MAX, 0)
    allocate(M_TRIM_THRESHOLD, NEVER)
