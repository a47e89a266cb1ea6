"""A Celery application as its documentation shows one, with nothing set for the broker."""

import os
import time

from celery import Celery
from kombu import Exchange, Queue

app = Celery("conformance", broker=os.environ["AMQP_URL"], backend="rpc://")
app.conf.update(
    result_persistent=True,
    task_queues=[
        Queue("celery", Exchange("celery"), routing_key="celery"),
        Queue("reports", Exchange("media", type="topic"), routing_key="report.#"),
    ],
    task_routes={"celery_app.report": {"queue": "reports", "routing_key": "report.daily"}},
    worker_send_task_events=True,
    broker_connection_retry_on_startup=True,
)


@app.task
def add(x, y):
    return x + y


@app.task
def report(name):
    return f"report {name}"


@app.task
def fail():
    raise ValueError("as it should")


@app.task(bind=True, max_retries=3)
def flaky(self, path):
    """Fails twice, then returns how often it ran."""
    with open(path, "a") as f:
        f.write("x")
    runs = os.path.getsize(path)
    if runs < 3:
        raise self.retry(countdown=0.2)
    return runs


@app.task(acks_late=True, reject_on_worker_lost=True)
def late(path, started):
    """Waits until path exists; a worker killed meanwhile must not lose it."""
    with open(started, "a") as f:
        f.write("x")
    while not os.path.exists(path):
        time.sleep(0.05)
    return os.path.getsize(started)


@app.task
def append(path, word):
    with open(path, "a") as f:
        f.write(word + "\n")
