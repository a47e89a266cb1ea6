"""A Celery application over SQS, as Celery's documentation shows one. SQS has no result backend: tasks write files."""

import os
import time

from celery import Celery

host = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://")

app = Celery("conformance", broker=f"sqs://test:test@{host}")
app.conf.update(
    broker_transport_options={
        "region": "us-east-1", "is_secure": False, "queue_name_prefix": "celery-sqs-",
        "visibility_timeout": 5, "wait_time_seconds": 2, "polling_interval": 0.1,
    },
    broker_connection_retry_on_startup=True,
    worker_enable_remote_control=False,  # as for every broker without broadcast
    worker_prefetch_multiplier=1,
)


@app.task
def append(path, word):
    with open(path, "a") as f:
        f.write(word + "\n")


@app.task(bind=True, max_retries=3)
def flaky(self, path):
    with open(path, "a") as f:
        f.write("x")
    if os.path.getsize(path) < 3:
        raise self.retry(countdown=0.2)


@app.task(acks_late=True)
def late(started, release):
    """Begins each time it is delivered, and ends when release exists."""
    with open(started, "a") as f:
        f.write("x")
    while not os.path.exists(release):
        time.sleep(0.05)
