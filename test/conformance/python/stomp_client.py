"""stomp.py against a STOMP broker, in the three versions of the protocol."""

import os
import queue
import socket
import time

import stomp

HOST, PORT = os.environ["STOMP_ADDRESS"].rsplit(":", 1)
ADDRESS = [(HOST.strip("[]"), int(PORT))]
TIMEOUT = 30


class Inbox(stomp.ConnectionListener):
    def __init__(self):
        self.messages, self.receipts, self.errors = queue.Queue(), queue.Queue(), queue.Queue()

    def on_message(self, frame):
        self.messages.put(frame)

    def on_receipt(self, frame):
        self.receipts.put(frame.headers["receipt-id"])

    def on_error(self, frame):
        self.errors.put(frame)


def connect(make, **options):
    if make is not stomp.Connection10:
        options["vhost"] = "/"  # as the RabbitMQ documentation has it: host names the virtual host
    connection = make(ADDRESS, **options)
    inbox = Inbox()
    connection.set_listener("", inbox)
    connection.connect("guest", "guest", wait=True)
    return connection, inbox


def main():
    for make in (stomp.Connection10, stomp.Connection11, stomp.Connection12):
        exchange(make)
    acks(stomp.Connection12)
    acks(stomp.Connection11)
    transactions()
    topics()
    durable_subscription()
    heartbeats()
    wrong_password()
    bad_frame()
    print("stomp.py ok")


def exchange(make):
    connection, inbox = connect(make)
    destination = f"/queue/stomp.{make.__name__}"
    connection.subscribe(destination, id="1", ack="auto")
    connection.send(destination, "hellö", content_type="text/plain", headers={"colour": "red", "receipt": "r1"})
    assert inbox.receipts.get(timeout=TIMEOUT) == "r1"
    frame = inbox.messages.get(timeout=TIMEOUT)
    assert frame.body == "hellö", frame.body
    assert frame.headers["colour"] == "red" and frame.headers["destination"] == destination, frame.headers
    assert frame.headers["content-type"] == "text/plain", frame.headers
    if make is not stomp.Connection10:
        connection.send(destination, "x", headers={"escaped": "c:\\d\ne"})
        assert inbox.messages.get(timeout=TIMEOUT).headers["escaped"] == "c:\\d\ne"
    connection.unsubscribe(id="1")
    connection.disconnect()


def acks(make):
    """client acks all before, client-individual one; what is left comes again."""
    destination = f"/queue/stomp.acks.{make.__name__}"
    connection, inbox = connect(make)
    for i in range(6):
        connection.send(destination, str(i), headers={"receipt": str(i), "persistent": "true"})
        assert inbox.receipts.get(timeout=TIMEOUT) == str(i)
    connection.subscribe(destination, id="s", ack="client", headers={"prefetch-count": "10"})
    frames = [inbox.messages.get(timeout=TIMEOUT) for _ in range(6)]
    assert [f.body for f in frames] == [str(i) for i in range(6)], frames
    ack(make, connection, frames[2], "a1")
    assert inbox.receipts.get(timeout=TIMEOUT) == "a1"
    connection.disconnect(receipt="bye")
    connection, inbox = connect(make)
    connection.subscribe(destination, id="s", ack="client-individual")
    frames = [inbox.messages.get(timeout=TIMEOUT) for _ in range(3)]
    assert [f.body for f in frames] == ["3", "4", "5"], frames
    assert all(f.headers.get("redelivered") == "true" for f in frames), frames[0].headers
    ack(make, connection, frames[1], "a2")
    assert inbox.receipts.get(timeout=TIMEOUT) == "a2"
    connection.disconnect(receipt="bye")
    connection, inbox = connect(make)
    connection.subscribe(destination, id="s", ack="auto")
    assert sorted(inbox.messages.get(timeout=TIMEOUT).body for _ in range(2)) == ["3", "5"]
    connection.disconnect()


def ack(make, connection, frame, receipt):
    if make is stomp.Connection12:
        connection.ack(frame.headers["ack"], receipt=receipt)
    else:
        connection.ack(frame.headers["message-id"], frame.headers["subscription"], receipt=receipt)


def transactions():
    connection, inbox = connect(stomp.Connection12)
    destination = "/queue/stomp.tx"
    connection.subscribe(destination, id="1", ack="auto")
    aborted = connection.begin()
    connection.send(destination, "aborted", transaction=aborted)
    connection.abort(aborted)
    committed = connection.begin()
    connection.send(destination, "first", transaction=committed)
    connection.send(destination, "second", transaction=committed)
    connection.commit(committed, receipt="done")
    assert inbox.receipts.get(timeout=TIMEOUT) == "done"
    assert [inbox.messages.get(timeout=TIMEOUT).body for _ in range(2)] == ["first", "second"]
    connection.disconnect()


def topics():
    listeners = [connect(stomp.Connection12) for _ in range(2)]
    for n, (connection, inbox) in enumerate(listeners):
        connection.subscribe("/topic/stomp.news", id="1", ack="auto", headers={"receipt": f"s{n}"})
        assert inbox.receipts.get(timeout=TIMEOUT) == f"s{n}"
    sender, _ = connect(stomp.Connection12)
    sender.send("/topic/stomp.news", "extra")
    for connection, inbox in listeners:
        assert inbox.messages.get(timeout=TIMEOUT).body == "extra"
        connection.disconnect()
    sender.disconnect()


def durable_subscription():
    headers = {"durable": "true", "auto-delete": "false"}
    connection, inbox = connect(stomp.Connection12)
    connection.subscribe("/topic/stomp.durable", id="conformance-durable", ack="auto",
                         headers=headers | {"receipt": "s"})
    assert inbox.receipts.get(timeout=TIMEOUT) == "s"
    connection.disconnect(receipt="bye")
    sender, sent = connect(stomp.Connection12)
    sender.send("/topic/stomp.durable", "while away", headers={"receipt": "r", "persistent": "true"})
    assert sent.receipts.get(timeout=TIMEOUT) == "r"
    connection, inbox = connect(stomp.Connection12)
    connection.subscribe("/topic/stomp.durable", id="conformance-durable", ack="auto", headers=headers)
    assert inbox.messages.get(timeout=TIMEOUT).body == "while away"
    connection.unsubscribe(id="conformance-durable", headers=headers | {"receipt": "gone"})
    assert inbox.receipts.get(timeout=TIMEOUT) == "gone"
    connection.disconnect()
    sender.disconnect()


def heartbeats():
    """An idle connection with heart-beats stays: stomp.py would drop a silent broker."""
    connection, inbox = connect(stomp.Connection12, heartbeats=(500, 500))
    time.sleep(2)
    assert connection.is_connected()
    connection.send("/queue/stomp.beat", "x", headers={"receipt": "r"})
    assert inbox.receipts.get(timeout=TIMEOUT) == "r"
    connection.subscribe("/queue/stomp.beat", id="1", ack="auto")
    assert inbox.messages.get(timeout=TIMEOUT).body == "x"
    connection.disconnect()


def wrong_password():
    connection = stomp.Connection12(ADDRESS, vhost="/")
    inbox = Inbox()
    connection.set_listener("", inbox)
    try:
        connection.connect("guest", "wrong", wait=True)
    except stomp.exception.ConnectFailedException:
        pass
    else:
        raise AssertionError("a wrong password was taken")
    assert "Bad CONNECT" in inbox.errors.get(timeout=TIMEOUT).headers["message"]


def bad_frame():
    """A frame before CONNECT gets an ERROR and the connection is closed."""
    with socket.create_connection(ADDRESS[0], timeout=TIMEOUT) as raw:
        raw.sendall(b"SEND\ndestination:/queue/x\n\nbody\x00")
        answer = b""
        while chunk := raw.recv(4096):
            answer += chunk
        assert answer.startswith(b"ERROR\n"), answer


if __name__ == "__main__":
    main()
