"""boto3 against the AWS endpoint: SQS, SNS with SQS subscriptions, Kinesis."""

import hashlib
import json
import os
import time

import boto3
from botocore.exceptions import ClientError

TIMEOUT = 30
SETTINGS = dict(
    endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1",
    aws_access_key_id="test", aws_secret_access_key="test",
)


def main():
    sqs = boto3.client("sqs", **SETTINGS)
    queues(sqs)
    messages(sqs)
    batches(sqs)
    long_polling(sqs)
    errors(sqs)
    resource()
    fan_out(sqs, boto3.client("sns", **SETTINGS))
    stream(boto3.client("kinesis", **SETTINGS))
    print("boto3 ok")


def queues(sqs):
    url = sqs.create_queue(QueueName="boto-one", Attributes={"VisibilityTimeout": "45"})["QueueUrl"]
    assert url.endswith("/000000000000/boto-one"), url
    assert sqs.get_queue_url(QueueName="boto-one")["QueueUrl"] == url
    assert url in sqs.list_queues(QueueNamePrefix="boto-")["QueueUrls"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "45", attributes
    assert attributes["QueueArn"] == "arn:aws:sqs:us-east-1:000000000000:boto-one", attributes
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert attributes == {"VisibilityTimeout": "30"}, attributes
    sqs.delete_queue(QueueUrl=url)
    code = error(lambda: sqs.get_queue_url(QueueName="boto-one"))
    assert code in ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"), code


def messages(sqs):
    url = sqs.create_queue(QueueName="boto-messages")["QueueUrl"]
    attributes = {
        "text": {"DataType": "String", "StringValue": "füß"},
        "number": {"DataType": "Number", "StringValue": "42"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    # botocore compares the MD5s of body and attributes with its own.
    sent = sqs.send_message(QueueUrl=url, MessageBody="hellö", MessageAttributes=attributes)
    assert sent["MD5OfMessageBody"] == hashlib.md5("hellö".encode()).hexdigest()
    got = receive(sqs, url, MessageAttributeNames=["All"], AttributeNames=["All"])
    assert got["MessageId"] == sent["MessageId"] and got["Body"] == "hellö", got
    assert {k: {n: v for n, v in a.items()} for k, a in got["MessageAttributes"].items()} == attributes, got
    assert got["Attributes"]["ApproximateReceiveCount"] == "1", got
    assert sqs.receive_message(QueueUrl=url).get("Messages", []) == []
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"], VisibilityTimeout=0)
    again = receive(sqs, url, AttributeNames=["ApproximateReceiveCount"])
    assert again["MessageId"] == sent["MessageId"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2", again
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == "0", counts
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "0", counts
    sqs.delete_queue(QueueUrl=url)


def batches(sqs):
    url = sqs.create_queue(QueueName="boto-batches")["QueueUrl"]
    sent = sqs.send_message_batch(
        QueueUrl=url, Entries=[{"Id": str(i), "MessageBody": f"body {i}"} for i in range(10)])
    assert len(sent["Successful"]) == 10 and not sent.get("Failed"), sent
    bodies = set()
    deadline = time.monotonic() + TIMEOUT
    while len(bodies) < 10:
        assert time.monotonic() < deadline, bodies
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]
        bodies |= {m["Body"] for m in got}
        held = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[
            {"Id": str(i), "ReceiptHandle": m["ReceiptHandle"], "VisibilityTimeout": 60}
            for i, m in enumerate(got)])
        assert len(held["Successful"]) == len(got), held
        gone = sqs.delete_message_batch(QueueUrl=url, Entries=[
            {"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(got)])
        assert len(gone["Successful"]) == len(got), gone
    assert bodies == {f"body {i}" for i in range(10)}, bodies
    sqs.delete_queue(QueueUrl=url)


def long_polling(sqs):
    url = sqs.create_queue(QueueName="boto-polling")["QueueUrl"]
    start = time.monotonic()
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2)
    assert time.monotonic() - start >= 1.9
    sqs.delete_queue(QueueUrl=url)


def errors(sqs):
    url = sqs.create_queue(QueueName="boto-errors")["QueueUrl"]
    for want, call in {
        "InvalidParameterValue": lambda: sqs.create_queue(QueueName="bad name!"),
        "ReceiptHandleIsInvalid": lambda: sqs.delete_message(QueueUrl=url, ReceiptHandle="nonsense"),
        "AWS.SimpleQueueService.EmptyBatchRequest": lambda: sqs.send_message_batch(QueueUrl=url, Entries=[]),
    }.items():
        code = error(call)
        assert code == want, (want, code)
    for attempt in (lambda: sqs.send_message(QueueUrl=url + "-missing", MessageBody="x"),
                    lambda: sqs.receive_message(QueueUrl=url + "-missing")):
        code = error(attempt)
        assert code in ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"), code
    sqs.delete_queue(QueueUrl=url)


def resource():
    queue = boto3.resource("sqs", **SETTINGS).create_queue(QueueName="boto-resource")
    queue.send_message(MessageBody="through the resource")
    for message in queue.receive_messages(WaitTimeSeconds=5):
        assert message.body == "through the resource"
        message.delete()
    queue.delete()


def fan_out(sqs, sns):
    topic = sns.create_topic(Name="boto-topic")["TopicArn"]
    assert topic == "arn:aws:sns:us-east-1:000000000000:boto-topic", topic
    urls = {}
    for name, attributes in {
        "boto-envelope": {},
        "boto-raw": {"RawMessageDelivery": "true"},
        "boto-red": {"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"colour": ["red"]})},
    }.items():
        urls[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=urls[name], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes,
                      ReturnSubscriptionArn=True)
    assert len(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]) == 3
    colour = {"colour": {"DataType": "String", "StringValue": "blue"}}
    published = sns.publish(TopicArn=topic, Message="blue one", Subject="s", MessageAttributes=colour)
    colour = {"colour": {"DataType": "String", "StringValue": "red"}}
    batch = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
        {"Id": "1", "Message": "red one", "MessageAttributes": colour}])
    assert len(batch["Successful"]) == 1, batch

    got = {name: drain(sqs, url, 1 if name == "boto-red" else 2) for name, url in urls.items()}
    assert sorted(got["boto-raw"]) == ["blue one", "red one"], got
    assert got["boto-red"] == ["red one"], got
    envelopes = {e["Message"]: e for e in map(json.loads, got["boto-envelope"])}
    assert set(envelopes) == {"blue one", "red one"}, envelopes
    blue = envelopes["blue one"]
    assert blue["Type"] == "Notification" and blue["TopicArn"] == topic, blue
    assert blue["MessageId"] == published["MessageId"] and blue["Subject"] == "s", blue
    assert blue["MessageAttributes"] == {"colour": {"Type": "String", "Value": "blue"}}, blue
    for subscription in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    sns.delete_topic(TopicArn=topic)
    code = error(lambda: sns.publish(TopicArn=topic, Message="x"))
    assert code in ("NotFound", "NotFoundException"), code
    for url in urls.values():
        sqs.delete_queue(QueueUrl=url)


def stream(kinesis):
    kinesis.create_stream(StreamName="boto-stream", ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName="boto-stream", WaiterConfig={"Delay": 1})
    summary = kinesis.describe_stream_summary(StreamName="boto-stream")["StreamDescriptionSummary"]
    assert summary["StreamStatus"] == "ACTIVE" and summary["OpenShardCount"] == 2, summary
    assert "boto-stream" in kinesis.list_streams()["StreamNames"]
    shards = kinesis.list_shards(StreamName="boto-stream")["Shards"]
    assert len(shards) == 2, shards
    placed = {}
    for i in range(20):
        put = kinesis.put_record(StreamName="boto-stream", Data=b"%d" % i, PartitionKey=f"key{i % 4}")
        placed.setdefault(put["ShardId"], []).append((f"key{i % 4}", b"%d" % i))
    many = kinesis.put_records(StreamName="boto-stream", Records=[
        {"Data": b"%d" % i, "PartitionKey": f"key{i % 4}"} for i in range(20, 40)])
    assert many["FailedRecordCount"] == 0, many
    for i, record in zip(range(20, 40), many["Records"]):
        placed.setdefault(record["ShardId"], []).append((f"key{i % 4}", b"%d" % i))
    for shard in shards:
        iterator = kinesis.get_shard_iterator(
            StreamName="boto-stream", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        got, want = [], placed.get(shard["ShardId"], [])
        deadline = time.monotonic() + TIMEOUT
        while len(got) < len(want):
            assert time.monotonic() < deadline, (got, want)
            page = kinesis.get_records(ShardIterator=iterator, Limit=7)
            got += [(r["PartitionKey"], r["Data"]) for r in page["Records"]]
            iterator = page["NextShardIterator"]
        assert got == want, (got, want)
    code = error(lambda: kinesis.describe_stream_summary(StreamName="boto-missing"))
    assert code == "ResourceNotFoundException", code


def receive(sqs, url, **options):
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, **options).get("Messages", []):
            return message
    raise AssertionError("no message came")


def drain(sqs, url, count):
    bodies = []
    while len(bodies) < count:
        message = receive(sqs, url)
        bodies.append(message["Body"])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
    return bodies


def error(call):
    try:
        call()
    except ClientError as e:
        return e.response["Error"]["Code"]
    raise AssertionError("no error")


if __name__ == "__main__":
    main()
