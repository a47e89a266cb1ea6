"""stomp.py as an application of ActiveMQ uses it, on a listener of that dialect."""

import os
import queue
import time

import stomp

HOST, PORT = os.environ["STOMP_ADDRESS"].rsplit(":", 1)
ADDRESS = [(HOST.strip("[]"), int(PORT))]
TIMEOUT = 30


class Inbox(stomp.ConnectionListener):
    def __init__(self):
        self.messages, self.receipts, self.errors = queue.Queue(), queue.Queue(), queue.Queue()
        self.server = None

    def on_connected(self, frame):
        self.server = frame.headers["server"]

    def on_message(self, frame):
        self.messages.put(frame)

    def on_receipt(self, frame):
        self.receipts.put(frame.headers["receipt-id"])

    def on_error(self, frame):
        self.errors.put(frame)

    def next(self):
        return self.messages.get(timeout=TIMEOUT)

    def receipt(self, want):
        got = self.receipts.get(timeout=TIMEOUT)
        assert got == want, got


def connect(make=stomp.Connection12, **headers):
    connection = make(ADDRESS)
    inbox = Inbox()
    connection.set_listener("", inbox)
    connection.connect("guest", "guest", wait=True, headers=headers)
    return connection, inbox


def subscribe(connection, inbox, destination, **headers):
    identity = headers.pop("id", destination)
    ack = headers.pop("ack", "auto")
    connection.subscribe(destination, id=identity, ack=ack, headers={**headers, "receipt": "sub"})
    inbox.receipt("sub")


def send(connection, inbox, destination, body, **headers):
    connection.send(destination, body, headers={**headers, "receipt": "sent"})
    inbox.receipt("sent")


def main():
    for make in (stomp.Connection11, stomp.Connection12):
        texts(make)
    old_version()
    composites_and_wildcards()
    requests_and_replies()
    dead_letters()
    durable_subscription()
    virtual_topics()
    prefetch()
    schedule()
    print("stomp.py, ActiveMQ ok")


def texts(make):
    connection, inbox = connect(make)
    assert inbox.server.startswith("ActiveMQ/"), inbox.server
    name = f"/queue/amq.text.{make.__name__}"
    send(connection, inbox, name, "hellö", persistent="true", priority="7", type="t", colour="red")
    subscribe(connection, inbox, name)
    frame = inbox.next()
    assert frame.body == "hellö", frame.body
    want = {"destination": name, "persistent": "true", "priority": "7", "type": "t", "colour": "red", "expires": "0"}
    assert want.items() <= frame.headers.items(), frame.headers
    assert frame.headers["message-id"].startswith("ID:"), frame.headers
    connection.disconnect()


def old_version():
    connection = stomp.Connection10(ADDRESS)
    inbox = Inbox()
    connection.set_listener("", inbox)
    connection.connect("guest", "guest", wait=True, headers={"client-id": "old"})
    connection.subscribe("/queue/amq.old", ack="client")
    connection.send("/queue/amq.old", "x", headers={"note": "a:b"})
    frame = inbox.next()
    assert frame.headers["note"] == "a:b" and frame.headers["message-id"].startswith("ID:"), frame.headers
    connection.ack(frame.headers["message-id"])
    connection.disconnect()


def composites_and_wildcards():
    connection, inbox = connect()
    subscribe(connection, inbox, "/queue/amq.wild.>")
    subscribe(connection, inbox, "/topic/amq.*.prices")
    connection.send("/queue/amq.wild.a,/topic/amq.eu.prices", "both")
    shown = {inbox.next().headers["destination"] for _ in range(2)}
    assert shown == {"/queue/amq.wild.a", "/topic/amq.eu.prices"}, shown
    connection.disconnect()


def requests_and_replies():
    client, answers = connect()
    server, requests = connect()
    subscribe(server, requests, "/queue/amq.rpc")
    subscribe(client, answers, "/temp-queue/replies")
    send(client, answers, "/queue/amq.rpc", "ask", **{"reply-to": "/temp-queue/replies", "correlation-id": "7"})
    request = requests.next()
    server.send(request.headers["reply-to"], "answer", headers={"correlation-id": request.headers["correlation-id"]})
    answer = answers.next()
    assert answer.body == "answer" and answer.headers["correlation-id"] == "7", answer
    client.disconnect()
    server.disconnect()


def dead_letters():
    connection, inbox = connect()
    send(connection, inbox, "/queue/amq.poison", "bad", persistent="true", colour="red")
    subscribe(connection, inbox, "/queue/amq.poison", ack="client-individual")
    connection.nack(inbox.next().headers["ack"])
    subscribe(connection, inbox, "/queue/ActiveMQ.DLQ")
    frame = inbox.next()
    assert frame.body == "bad" and frame.headers["colour"] == "red", frame
    assert frame.headers["original-destination"] == "/queue/amq.poison", frame.headers
    connection.disconnect()


def durable_subscription():
    name = {"activemq.subscriptionName": "prices"}
    connection, inbox = connect(**{"client-id": "shop"})
    subscribe(connection, inbox, "/topic/amq.durable", id="1", **name)
    connection.disconnect()
    sender, sent = connect()
    send(sender, sent, "/topic/amq.durable", "while away")
    connection, inbox = reconnect("shop")
    subscribe(connection, inbox, "/topic/amq.durable", id="1", **name)
    assert inbox.next().body == "while away"
    connection.unsubscribe(id="1")
    connection.unsubscribe(id="1", headers={**name, "receipt": "gone"})
    inbox.receipt("gone")
    connection.disconnect()
    sender.disconnect()


def reconnect(client_id):
    """The old connection may take a moment to end."""
    for _ in range(50):
        try:
            return connect(**{"client-id": client_id})
        except stomp.exception.ConnectFailedException:
            time.sleep(0.1)
    raise AssertionError("the client-id is still taken")


def virtual_topics():
    connection, inbox = connect()
    for app in "AB":
        subscribe(connection, inbox, f"/queue/Consumer.{app}.VirtualTopic.amq")
    connection.send("/topic/VirtualTopic.amq", "x")
    shown = {inbox.next().headers["destination"] for _ in range(2)}
    assert shown == {"/queue/Consumer.A.VirtualTopic.amq", "/queue/Consumer.B.VirtualTopic.amq"}, shown
    connection.disconnect()


def prefetch():
    connection, inbox = connect()
    for body in "abc":
        send(connection, inbox, "/queue/amq.prefetch", body)
    subscribe(connection, inbox, "/queue/amq.prefetch", ack="client-individual", **{"activemq.prefetchSize": "1"})
    for body in "abc":
        frame = inbox.next()
        assert frame.body == body and inbox.messages.empty(), frame
        connection.ack(frame.headers["ack"])
    connection.disconnect()


def schedule():
    connection, inbox = connect()
    subscribe(connection, inbox, "/queue/amq.later")
    begin = time.monotonic()
    send(connection, inbox, "/queue/amq.later", "later", AMQ_SCHEDULED_DELAY="500")
    assert inbox.next().body == "later"
    assert time.monotonic() - begin >= 0.4
    connection.disconnect()


if __name__ == "__main__":
    main()
