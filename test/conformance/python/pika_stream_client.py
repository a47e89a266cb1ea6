"""pika reads a stream: from where it wants, from an offset that it kept, by filter values."""

import datetime
import os

import pika
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker

URL = os.environ["AMQP_URL"]
STREAM = "pika.stream"
N = 500


def main():
    connection = pika.BlockingConnection(pika.URLParameters(URL))
    try:
        write(connection)
        offsets(connection)
        goes_on(connection)
        follows(connection)
        filters(connection)
        refusals()
    finally:
        connection.channel().queue_delete(STREAM)
        connection.close()
    print("pika streams ok")


def write(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare(
        STREAM,
        durable=True,
        arguments={"x-queue-type": "stream", "x-max-age": "1D", "x-max-length-bytes": 10_000_000},
    )
    colours = [None, "red", "green", "blue"]
    for i in range(N):
        colour = colours[i % len(colours)]
        headers = {"x-stream-filter-value": colour} if colour else {"n": i}
        channel.basic_publish("", STREAM, str(i).encode(), pika.BasicProperties(headers=headers, message_id=str(i)))
    channel.close()


def read(connection, n, **arguments):
    """The offsets of the next n messages, which are their bodies too."""
    channel = connection.channel()
    channel.basic_qos(prefetch_count=50)
    got = []
    arguments = {name.replace("_", "-"): value for name, value in arguments.items()}
    for method, properties, body in channel.consume(STREAM, arguments=arguments, inactivity_timeout=20):
        assert method is not None, (arguments, got)
        offset = properties.headers["x-stream-offset"]
        assert body == str(offset).encode() and properties.message_id == str(offset), (body, offset)
        assert not method.redelivered
        got.append(offset)
        channel.basic_ack(method.delivery_tag)
        if len(got) == n:
            break
    channel.cancel()
    channel.close()
    return got


def offsets(connection):
    everything = list(range(N))
    assert read(connection, N, x_stream_offset="first") == everything
    assert read(connection, 100, x_stream_offset=400) == everything[400:]
    assert read(connection, N, x_stream_offset="1h") == everything
    an_hour_ago = datetime.datetime.now() - datetime.timedelta(hours=1)
    assert read(connection, 10, x_stream_offset=an_hour_ago) == everything[:10]
    assert read(connection, 1, x_stream_offset="last") == everything[-1:]


def goes_on(connection):
    """A reader that keeps its offset reads everything once."""
    position, seen = 0, []
    for step in [1, 99, 100, 7, 293]:
        got = read(connection, step, x_stream_offset=position)
        seen += got
        position = got[-1] + 1
    assert seen == list(range(N))


def follows(connection):
    """Readers at the end get what comes, each of them all of it."""
    got = [[], [], []]
    for i, arguments in enumerate([{"x-stream-offset": "next"}, {}, {"x-stream-offset": N + 1}]):
        channel = connection.channel()
        channel.basic_qos(prefetch_count=2)

        def received(channel, method, properties, _, i=i):
            got[i].append(properties.headers["x-stream-offset"])
            channel.basic_ack(method.delivery_tag)

        channel.basic_consume(STREAM, received, arguments=arguments)
    publisher = connection.channel()
    publisher.confirm_delivery()
    for i in range(N, N + 5):
        publisher.basic_publish("", STREAM, str(i).encode(), pika.BasicProperties(message_id=str(i)))
    for _ in range(100):
        connection.process_data_events(time_limit=0.2)
        if len(got[0]) == len(got[1]) == 5 and len(got[2]) == 4:
            break
    all_new = list(range(N, N + 5))
    assert got == [all_new, all_new, all_new[1:]], got


def filters(connection):
    red = [i for i in range(N) if i % 4 == 1]
    assert read(connection, len(red), x_stream_offset="first", x_stream_filter="red") == red
    some = [i for i in range(N) if i % 4 > 1]
    assert read(connection, len(some), x_stream_offset="first", x_stream_filter=["green", "blue"]) == some
    plain = [i for i in range(N) if i % 4 < 2]
    got = read(connection, len(plain), x_stream_offset="first", x_stream_filter="red", x_stream_match_unfiltered=True)
    assert got == plain


def refusals():
    refused(540, lambda channel: channel.basic_get(STREAM))
    refused(540, lambda channel: channel.queue_purge(STREAM))
    refused(406, lambda channel: channel.basic_consume(STREAM, print))
    refused(406, lambda channel: channel.queue_declare("pika.other", arguments={"x-queue-type": "stream"}))
    refused(540, lambda channel: (channel.basic_qos(prefetch_count=1), channel.basic_consume(STREAM, print, auto_ack=True)))


def refused(code, call):
    connection = pika.BlockingConnection(pika.URLParameters(URL))
    try:
        call(connection.channel())
    except (ChannelClosedByBroker, ConnectionClosedByBroker) as e:
        assert e.reply_code == code, e
    else:
        raise AssertionError(f"not refused with {code}")
    finally:
        if connection.is_open:
            connection.close()


if __name__ == "__main__":
    main()
