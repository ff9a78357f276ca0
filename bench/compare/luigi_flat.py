"""Builds a flat DAG of tasks with JSON outputs twice, with Luigi: luigi_flat.py <tasks>. Writes JSON."""

import json
import os
import sys
import time

import luigi


class Part(luigi.Task):
    index = luigi.IntParameter()
    folder = luigi.Parameter()

    def output(self):
        number = f"{self.index:08d}"
        return luigi.LocalTarget(f"{self.folder}/{number[-2:]}/{number[-4:-2]}/{number}.json")

    def run(self):
        with self.output().open("w") as file:
            json.dump({"values": [self.index / 2, self.index / 3, self.index / 7]}, file)


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def build(parts):
    if not luigi.build(parts, local_scheduler=True, workers=1, log_level="CRITICAL"):
        raise SystemExit("the build failed")


if __name__ == "__main__":
    count = int(sys.argv[1])
    folder = os.path.abspath(sys.argv[2])
    construct, parts = timed(lambda: [Part(index=i, folder=folder) for i in range(count)])
    first, _ = timed(lambda: build(parts))
    again, _ = timed(lambda: build(parts))
    figures = {"construct": construct, "build": first, "again": again}
    print(json.dumps({"version": luigi.__version__, **figures}))
