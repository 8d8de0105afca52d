"""fastnst.memory: what is freed is used again, and not asked of the system anew."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys, numpy
if "keep" in sys.argv:
    from fastnst.memory import keep_freed_memory
    keep_freed_memory()
def faults():
    numpy.ones(64 * 2**20, numpy.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
first = faults()
print(faults() - first)
"""


def _faults(*arguments: str) -> int:
    command = [sys.executable, "-c", SCRIPT, *arguments]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc alone")
def test_freed_memory_is_kept():
    assert _faults("keep") < 10 < _faults()
