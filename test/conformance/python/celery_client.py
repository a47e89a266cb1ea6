"""Celery and kombu: an application with its worker in a process of its own."""

import os
import signal
import subprocess
import sys
import tempfile
import time

from celery import chain, group
from kombu import Connection, Consumer, Exchange, Producer, Queue

from celery_app import add, app, append, fail, flaky, late, report

TIMEOUT = 60


def main():
    kombu_alone()
    with tempfile.TemporaryDirectory() as folder:
        worker = start_worker(folder, "one")
        try:
            tasks(folder)
            control()
            worker = worker_killed(folder, worker)
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(TIMEOUT)
        kept_while_no_worker_runs(folder)
    print("celery ok")


def start_worker(folder, name):
    log = open(os.path.join(folder, name + ".log"), "w")
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "--concurrency", "2",
         "--loglevel", "INFO", "--hostname", name + "@localhost"],
        cwd=os.path.dirname(os.path.abspath(__file__)), stdout=log, stderr=subprocess.STDOUT,
        start_new_session=True)
    deadline = time.monotonic() + TIMEOUT
    while not app.control.ping(timeout=1, destination=[name + "@localhost"]):
        if worker.poll() is not None or time.monotonic() > deadline:
            print(open(log.name).read())
            raise AssertionError("the worker did not start")
    return worker


def tasks(folder):
    assert add.delay(2, 3).get(TIMEOUT) == 5
    assert report.delay("today").get(TIMEOUT) == "report today"
    results = group(add.s(i, i) for i in range(200))().get(TIMEOUT)
    assert results == [2 * i for i in range(200)], results
    assert chain(add.s(1, 2), add.s(10), add.s(100))().get(TIMEOUT) == 113
    try:
        fail.delay().get(TIMEOUT)
    except ValueError as e:
        assert str(e) == "as it should", e
    else:
        raise AssertionError("the exception got lost")
    assert flaky.delay(os.path.join(folder, "flaky")).get(TIMEOUT) == 3
    assert add.apply_async((1, 1), countdown=0.5).get(TIMEOUT) == 2
    assert add.apply_async((2, 1), expires=60).get(TIMEOUT) == 3
    expired = add.apply_async((1, 1), expires=-1)
    assert add.delay(0, 1).get(TIMEOUT) == 1
    assert not expired.successful()


def control():
    name = "one@localhost"
    inspect = app.control.inspect([name], timeout=10)
    assert "celery_app.add" in inspect.registered()[name]
    queues = {q["name"] for q in inspect.active_queues()[name]}
    assert queues == {"celery", "reports"}, queues
    assert app.control.add_consumer("extra", destination=[name], reply=True, timeout=10)
    assert add.apply_async((4, 4), queue="extra").get(TIMEOUT) == 8
    assert app.control.cancel_consumer("extra", destination=[name], reply=True, timeout=10)
    with app.connection_for_read() as connection:
        assert connection.default_channel.queue_purge("extra") == 0
        connection.default_channel.queue_delete("extra")


def worker_killed(folder, worker):
    """A late-acked task whose worker is killed is done by the next one."""
    gate, started = os.path.join(folder, "gate"), os.path.join(folder, "started")
    result = late.delay(gate, started)
    wait_for(lambda: os.path.exists(started))
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait(TIMEOUT)
    worker = start_worker(folder, "two")
    wait_for(lambda: os.path.getsize(started) == 2)
    open(gate, "w").close()
    assert result.get(TIMEOUT) == 2
    return worker


def kept_while_no_worker_runs(folder):
    path = os.path.join(folder, "words")
    words = [f"word{i}" for i in range(50)]
    for word in words:
        append.delay(path, word)
    worker = start_worker(folder, "three")
    try:
        wait_for(lambda: os.path.exists(path) and len(open(path).read().split()) == len(words))
        assert sorted(open(path).read().split()) == sorted(words)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(TIMEOUT)


def kombu_alone():
    """kombu's own objects: compression, serializers, several queues of one consumer."""
    exchange = Exchange("kombu.direct", type="direct")
    queues = [Queue(f"kombu.{n}", exchange, routing_key=n) for n in ("red", "blue")]
    got = []

    def on_message(body, message):
        got.append((message.delivery_info["routing_key"], body))
        message.ack()

    with Connection(os.environ["AMQP_URL"], heartbeat=10) as connection:
        channel = connection.channel()
        producer = Producer(channel, exchange, serializer="json")
        for queue in queues:
            queue(channel).declare()
            queue(channel).purge()
        producer.publish({"n": 1}, routing_key="red", compression="zlib")
        producer.publish({"n": 2}, routing_key="blue", priority=5, expiration=60)
        producer.publish({"n": 3}, routing_key="green")
        with Consumer(channel, queues, callbacks=[on_message], accept=["json"]):
            while len(got) < 2:
                connection.drain_events(timeout=TIMEOUT)
        assert sorted(got) == [("blue", {"n": 2}), ("red", {"n": 1})], got
        for queue in queues:
            queue(channel).delete()
        exchange(channel).delete()
        queue = connection.SimpleQueue("kombu.simple")
        queue.put({"hello": "world"})
        message = queue.get(timeout=TIMEOUT)
        assert message.payload == {"hello": "world"}
        message.ack()
        queue.clear()
        queue.close()
        queue.queue(channel).delete()


def wait_for(condition):
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


if __name__ == "__main__":
    main()
