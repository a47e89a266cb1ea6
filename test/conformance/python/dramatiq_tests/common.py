"""What Dramatiq's tests take from a module that its sdist leaves out."""

import os

import pika
import pytest

RABBITMQ_USERNAME = os.environ["RABBITMQ_USERNAME"]
RABBITMQ_PASSWORD = os.environ["RABBITMQ_PASSWORD"]
RABBITMQ_CREDENTIALS = pika.credentials.PlainCredentials(RABBITMQ_USERNAME, RABBITMQ_PASSWORD)

skip_unless_rabbit_mq = pytest.mark.skipif(False, reason="there is a server")
