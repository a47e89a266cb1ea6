"""pika against an AMQP 0-9-1 broker: what an application does with it."""

import os
import threading

import pika
from pika.exceptions import (
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    NackError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    UnroutableError,
)

URL = os.environ["AMQP_URL"]


def main():
    connection = pika.BlockingConnection(pika.URLParameters(URL))
    try:
        confirms_and_properties(connection)
        mandatory(connection)
        work_queue(connection)
        topic_and_headers(connection)
        transaction(connection)
        exclusive_and_passive(connection)
        rpc(connection)
        cancel_notification(connection)
    finally:
        connection.close()
    refused_login()
    big_messages()
    heartbeats()
    print("pika ok")


def confirms_and_properties(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("pika.props", durable=True)
    channel.queue_purge("pika.props")
    sent = pika.BasicProperties(
        content_type="application/json",
        content_encoding="utf-8",
        headers={
            "text": "füß",
            "number": 42,
            "large": 2**40,
            "negative": -7,
            "yes": True,
            "nothing": None,
            "list": [1, "two", False],
            "nested": {"a": {"b": 1}},
            "bytes": b"\x00\xff",
        },
        delivery_mode=2,
        priority=3,
        correlation_id="c-1",
        reply_to="somewhere",
        expiration="60000",
        message_id="m-1",
        timestamp=1700000000,
        type="t",
        user_id="guest",
        app_id="conformance",
    )
    channel.basic_publish("", "pika.props", b'{"a":1}', sent)
    method, got, body = channel.basic_get("pika.props")
    assert body == b'{"a":1}', body
    assert not method.redelivered and method.message_count == 0, method
    for name in vars(sent):
        assert getattr(got, name) == getattr(sent, name), (name, getattr(got, name))
    channel.basic_nack(method.delivery_tag, requeue=True)
    method, got, body = channel.basic_get("pika.props")
    assert method.redelivered, method
    channel.basic_ack(method.delivery_tag)
    assert channel.basic_get("pika.props") == (None, None, None)
    channel.queue_delete("pika.props")
    channel.close()


def mandatory(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    try:
        channel.basic_publish("", "pika.nobody", b"x", mandatory=True)
    except UnroutableError as e:
        assert e.messages[0].method.reply_code == 312, e.messages
        assert e.messages[0].method.reply_text == "NO_ROUTE", e.messages
    else:
        raise AssertionError("an unroutable mandatory message was taken")
    channel.basic_publish("", "pika.nobody", b"x", mandatory=False)
    channel.close()


def work_queue(connection):
    """Prefetch, acks, and what is not acked comes again in order, marked."""
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("pika.work", durable=True)
    channel.queue_purge("pika.work")
    for i in range(200):
        channel.basic_publish("", "pika.work", b"%d" % i, pika.BasicProperties(delivery_mode=2))
    channel.basic_qos(prefetch_count=10)
    seen = []
    for method, _, body in channel.consume("pika.work", inactivity_timeout=30):
        assert method is not None, "no message came"
        seen.append(int(body))
        if len(seen) % 10 == 0:
            channel.basic_ack(method.delivery_tag, multiple=True)
        if len(seen) == 100:
            break
    assert seen == list(range(100)), seen
    # The rest is requeued by closing; up to ten were out and are marked.
    channel.close()
    channel = connection.channel()
    again, marked = [], 0
    for method, _, body in channel.consume("pika.work", inactivity_timeout=30):
        assert method is not None, "no message came"
        again.append(int(body))
        marked += method.redelivered
        channel.basic_ack(method.delivery_tag)
        if len(again) == 100:
            break
    assert again == list(range(100, 200)), again
    assert 0 < marked <= 10, marked
    channel.cancel()
    channel.queue_delete("pika.work")
    channel.close()


def topic_and_headers(connection):
    channel = connection.channel()
    channel.exchange_declare("pika.topic", "topic")
    channel.exchange_declare("pika.headers", "headers")
    channel.exchange_declare("pika.fanout", "fanout")
    channel.exchange_bind("pika.fanout", "pika.topic", "copied.#")

    def queue(exchange, key, arguments=None):
        name = channel.queue_declare("", exclusive=True).method.queue
        assert name.startswith("amq.gen-"), name
        channel.queue_bind(name, exchange, key, arguments)
        return name

    star = queue("pika.topic", "*.orange.*")
    rabbit = queue("pika.topic", "*.*.rabbit")
    rabbit2 = queue("pika.topic", "lazy.#")
    copied = queue("pika.fanout", "")
    every = queue("pika.headers", "", {"x-match": "all", "a": "1", "b": "2"})
    some = queue("pika.headers", "", {"x-match": "any", "a": "1", "b": "2"})
    for key in ("quick.orange.rabbit", "lazy.brown.fox", "lazy", "quick.brown.fox", "copied.to.fanout"):
        channel.basic_publish("pika.topic", key, key.encode())
    channel.basic_publish("pika.headers", "", b"both", pika.BasicProperties(headers={"a": "1", "b": "2"}))
    channel.basic_publish("pika.headers", "", b"one", pika.BasicProperties(headers={"a": "1", "b": "x"}))

    def content(name):
        bodies = []
        while True:
            method, _, body = channel.basic_get(name, auto_ack=True)
            if method is None:
                return bodies
            bodies.append(body.decode())

    expected = {
        star: ["quick.orange.rabbit"],
        rabbit: ["quick.orange.rabbit"],
        rabbit2: ["lazy.brown.fox", "lazy"],
        copied: ["copied.to.fanout"],
        every: ["both"],
        some: ["both", "one"],
    }
    for name, want in expected.items():
        got = content(name)
        assert got == want, (want, got)
    channel.queue_unbind(rabbit2, "pika.topic", "lazy.#")
    channel.basic_publish("pika.topic", "lazy.again", b"x")
    assert content(rabbit2) == []
    for name in ("pika.topic", "pika.headers", "pika.fanout"):
        channel.exchange_delete(name)
    channel.close()


def transaction(connection):
    channel = connection.channel()
    channel.queue_declare("pika.tx", durable=True)
    channel.queue_purge("pika.tx")
    channel.tx_select()
    channel.basic_publish("", "pika.tx", b"rolled back")
    channel.tx_rollback()
    channel.basic_publish("", "pika.tx", b"committed")
    assert channel.queue_declare("pika.tx", passive=True).method.message_count == 0
    channel.tx_commit()
    assert channel.queue_declare("pika.tx", passive=True).method.message_count == 1
    _, _, body = channel.basic_get("pika.tx", auto_ack=True)
    channel.tx_commit()
    assert body == b"committed", body
    channel.queue_delete("pika.tx")
    channel.close()


def exclusive_and_passive(connection):
    channel = connection.channel()
    name = channel.queue_declare("", exclusive=True).method.queue
    other = pika.BlockingConnection(pika.URLParameters(URL))
    expect_close(other, 405, "RESOURCE_LOCKED", lambda c: c.queue_declare(name, passive=True))
    expect_close(other, 404, "NOT_FOUND", lambda c: c.queue_declare("pika.missing", passive=True))
    expect_close(other, 404, "NOT_FOUND", lambda c: c.basic_get("pika.missing"))
    expect_close(other, 403, "ACCESS_REFUSED", lambda c: c.queue_declare("amq.reserved"))
    channel.queue_declare("pika.args", durable=True)
    expect_close(other, 406, "PRECONDITION_FAILED", lambda c: c.queue_declare("pika.args", durable=False))
    channel.queue_delete("pika.args")
    other.close()
    channel.close()


def expect_close(connection, code, text, call):
    channel = connection.channel()
    try:
        call(channel)
    except ChannelClosedByBroker as e:
        assert e.reply_code == code and text in e.reply_text, e
    else:
        raise AssertionError(f"no {code} {text}")


def rpc(connection):
    """Direct reply-to, with the server in a thread and a connection of its own."""
    ready = threading.Event()

    def serve():
        with pika.BlockingConnection(pika.URLParameters(URL)) as server:
            channel = server.channel()
            channel.queue_declare("pika.rpc", auto_delete=True)
            ready.set()
            for method, properties, body in channel.consume("pika.rpc", inactivity_timeout=30):
                assert method is not None, "no request came"
                channel.basic_publish("", properties.reply_to, body.upper(),
                                      pika.BasicProperties(correlation_id=properties.correlation_id))
                channel.basic_ack(method.delivery_tag)
                break
            channel.cancel()

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(30)
    channel = connection.channel()
    replies = []

    def on_reply(_channel, _method, properties, body):
        replies.append((properties.correlation_id, body))

    channel.basic_consume("amq.rabbitmq.reply-to", on_reply, auto_ack=True)
    channel.basic_publish("", "pika.rpc", b"hello",
                          pika.BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id="7"))
    while not replies:
        connection.process_data_events(time_limit=30)
    assert replies == [("7", b"HELLO")], replies
    thread.join(30)
    channel.close()


def cancel_notification(connection):
    channel = connection.channel()
    channel.queue_declare("pika.gone")
    cancelled = []
    channel.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
    tag = channel.basic_consume("pika.gone", lambda *_: None)
    other = connection.channel()
    other.queue_delete("pika.gone")
    while not cancelled:
        connection.process_data_events(time_limit=30)
    assert cancelled == [tag], cancelled
    channel.close()
    other.close()


def refused_login():
    parameters = pika.URLParameters(URL)
    parameters.credentials = pika.PlainCredentials("guest", "wrong")
    try:
        pika.BlockingConnection(parameters)
    except ProbableAuthenticationError as e:
        assert "403" in repr(e) and "ACCESS_REFUSED" in repr(e), repr(e)
    else:
        raise AssertionError("a wrong password was taken")
    parameters = pika.URLParameters(URL)
    parameters.virtual_host = "missing"
    try:
        pika.BlockingConnection(parameters)
    except (ConnectionClosedByBroker, ProbableAccessDeniedError) as e:
        assert "530" in repr(e) and "vhost missing not found" in repr(e), repr(e)
    else:
        raise AssertionError("a virtual host that is not there was opened")


def big_messages():
    with pika.BlockingConnection(pika.URLParameters(URL)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("pika.big", durable=True)
        for size in (0, 1, 131064, 131065, 4 << 20):
            body = os.urandom(size)
            channel.basic_publish("", "pika.big", body, pika.BasicProperties(delivery_mode=2))
            _, _, got = channel.basic_get("pika.big", auto_ack=True)
            assert got == body, size
        channel.queue_delete("pika.big")


def heartbeats():
    """A connection that only sends heartbeats lives; the broker took our interval."""
    parameters = pika.URLParameters(URL)
    parameters.heartbeat = 1
    with pika.BlockingConnection(parameters) as connection:
        assert connection._impl.params.heartbeat == 1
        connection.sleep(4)
        connection.channel().close()


if __name__ == "__main__":
    main()
