"""Many random PennyLane functions, in shards of which those that are done are left out.

    PYTHONPATH=src:tests python -m interop.shards 20000 results/functions

writes one file a shard of 500 seeds, with how many had which answer.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from pathlib import Path

from interop.comparison import compare_random_function

SHARD = 500


def main(count: int, folder: Path) -> None:
    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, count, SHARD):
        file = folder / f"{first:06}.json"
        if file.exists():
            continue
        seeds = range(first, min(first + SHARD, count))
        found = Counter(map(compare_random_function, seeds))
        file.write_text(json.dumps(found))
        sys.stderr.write(f"{file}: {dict(found)}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
