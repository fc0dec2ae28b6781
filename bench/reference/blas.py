"""Tells OpenBLAS which processor it runs on; imported before torch or numpy.

OpenBLAS takes processors newer than itself for old ones, and is then four times as slow as it can be.
"""

import os

with open('/proc/cpuinfo') as processors:
    if 'avx512f' in processors.read():
        os.environ.setdefault('OPENBLAS_CORETYPE', 'SKYLAKEX')
