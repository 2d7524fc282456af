"""Python imports this at the start of every process of the tests; `conftest.py` sees to that.

To import vLLM makes millions of objects that stay, and Python looks through all of them for garbage
again and again: a quarter of the time that vLLM needs to start, in each of its processes.
"""

import gc

gc.set_threshold(200_000, 100, 1_000)
