"""Run your own work on executors, in chunks, as `minimize_many` does.

>>> from concurrent.futures import ThreadPoolExecutor
>>> from subopt.executors import in_chunks
>>> with ThreadPoolExecutor(2) as pool:
...     chunks = in_chunks(pool, lambda power, xs: [x**power for x in xs], 5, range, shared=2)
...     [y for chunk in chunks for y in chunk]
[0, 1, 4, 9, 16]
"""

from subopt._base.executors import in_chunks

__all__ = ["in_chunks"]
