"""The fixtures of Dramatiq's tests, which its sdist leaves out."""

import dramatiq
import pytest
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from .common import RABBITMQ_CREDENTIALS


@pytest.fixture
def rabbitmq_broker():
    broker = RabbitmqBroker(host="127.0.0.1", credentials=RABBITMQ_CREDENTIALS, max_priority=10)
    broker.emit_after("process_boot")
    dramatiq.set_broker(broker)
    yield broker
    broker.flush_all()
    broker.emit_before("process_stop")
    broker.close()


@pytest.fixture
def rabbitmq_worker(rabbitmq_broker):
    worker = dramatiq.Worker(rabbitmq_broker, worker_threads=32)
    worker.start()
    yield worker
    worker.stop()
