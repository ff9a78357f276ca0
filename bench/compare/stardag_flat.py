"""Builds a flat DAG of asynchronous tasks with JSON outputs twice: stardag_flat.py <tasks>. Writes JSON."""

import json
import sys
import time

import stardag as sd


@sd.task(name="part")
async def part(index: int) -> dict[str, list[float]]:
    return {"values": [index / 2, index / 3, index / 7]}


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    count = int(sys.argv[1])
    construct, parts = timed(lambda: [(task := part(index=i), task.id)[0] for i in range(count)])
    build, _ = timed(lambda: sd.build(parts))
    again, _ = timed(lambda: sd.build(parts))
    figures = {"construct": construct, "build": build, "again": again}
    print(json.dumps({"version": sd.__version__, **figures}))
