"""Celery and kombu over SQS, whose transport long-polls with its own HTTP client and signs by itself."""

import os
import signal
import subprocess
import sys
import tempfile
import time

from celery_sqs_app import app, append, flaky, late

TIMEOUT = 60


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = lambda name: os.path.join(folder, name)
        worker = start_worker(path("one.log"))
        for i in range(30):
            append.delay(path("words"), f"w{i}")
        flaky.delay(path("flaky"))
        append.apply_async((path("delayed"), "later"), countdown=1)
        wait(lambda: lines(path("words")) == sorted(f"w{i}" for i in range(30)), path("one.log"))
        wait(lambda: os.path.exists(path("flaky")) and os.path.getsize(path("flaky")) == 3, path("one.log"))
        wait(lambda: lines(path("delayed")) == ["later"], path("one.log"))
        # A worker that is killed with a task: another gets it after the visibility timeout.
        late.delay(path("started"), path("release"))
        wait(lambda: os.path.exists(path("started")), path("one.log"))
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(TIMEOUT)
        worker = start_worker(path("two.log"))
        wait(lambda: os.path.getsize(path("started")) == 2, path("two.log"))
        open(path("release"), "w").close()
        append.delay(path("end"), "end")
        wait(lambda: lines(path("end")) == ["end"], path("two.log"))
        os.killpg(worker.pid, signal.SIGTERM)
        worker.wait(TIMEOUT)
    print("celery over SQS ok")


def start_worker(log):
    return subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_sqs_app", "worker", "--concurrency", "2", "--loglevel", "INFO"],
        cwd=os.path.dirname(os.path.abspath(__file__)), stdout=open(log, "w"), stderr=subprocess.STDOUT, start_new_session=True)


def lines(path):
    return sorted(open(path).read().split()) if os.path.exists(path) else []


def wait(condition, log):
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            print(open(log).read())
            raise AssertionError("it did not happen in time")
        time.sleep(0.05)


main()
