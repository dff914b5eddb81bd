"""What a second interpreter does: calls functions that are named on standard input, one JSON object a line.

    {"function": "module:name", "arguments": […]}  →  {"result": …, "seconds": …}

`seconds` is the processor time of the call alone: neither start nor imports count. An exception ends the process, its
traceback on standard error.
"""

import importlib
import json
import os
import sys
import time
from typing import Any


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What libraries print must not get between the answers.
    os.dup2(2, 1)
    with answers:
        for line in sys.stdin:
            print(json.dumps(_answer(json.loads(line)), default=_as_list), file=answers, flush=True)


def _answer(order: dict[str, Any]) -> dict[str, Any]:
    module, _, name = order["function"].partition(":")
    function = getattr(importlib.import_module(module), name)
    before = time.process_time()
    result = function(*order["arguments"])
    return {"seconds": time.process_time() - before, "result": result}


def _as_list(array: Any) -> Any:  # noqa: ANN401  json's signature
    return array.tolist()


if __name__ == "__main__":
    main()
