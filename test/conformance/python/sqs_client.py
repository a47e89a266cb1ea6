"""boto3 against SQS in full. A current boto3 speaks AWS JSON; Debian 12's, from before November 2023, the query protocol."""

import hashlib
import json
import os
import time

import boto3
import botocore
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"
PREFIX = "query-" if "1.29." in botocore.__version__ else "json-"
WAIT = 30


def main():
    sqs = boto3.client(
        "sqs", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )
    attributes_and_tags(sqs)
    permissions(sqs)
    paging(sqs)
    fifo(sqs)
    batches(sqs)
    dead_letters(sqs)
    visibility(sqs)
    errors(sqs)
    print("sqs with botocore", botocore.__version__, "ok")


def create(sqs, name, **attributes):
    return sqs.create_queue(QueueName=PREFIX + name, Attributes=attributes)["QueueUrl"]


def arn(name):
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{PREFIX}{name}"


def get(sqs, url, *names):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names)).get("Attributes", {})


def receive(sqs, url, n=1, **options):
    got = []
    end = time.time() + WAIT
    while len(got) < n and time.time() < end:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=min(10, n - len(got)), WaitTimeSeconds=1, **options)
        got += answer.get("Messages", [])
    assert len(got) == n, got
    return got


def attributes_and_tags(sqs):
    url = sqs.create_queue(QueueName=PREFIX + "tags", Attributes={"VisibilityTimeout": "17"}, tags={"a": "1"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"b": "ü & <x>", "c": ""})
    sqs.untag_queue(QueueUrl=url, TagKeys=["a"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"b": "ü & <x>", "c": ""}
    everything = get(sqs, url, "All")
    assert everything["QueueArn"] == arn("tags") and everything["VisibilityTimeout"] == "17", everything
    assert everything["MaximumMessageSize"] == "1048576" and "FifoQueue" not in everything, everything
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "2048", "ReceiveMessageWaitTimeSeconds": "3"})
    assert get(sqs, url, "MaximumMessageSize") == {"MaximumMessageSize": "2048"}
    assert sqs.get_queue_url(QueueName=PREFIX + "tags", QueueOwnerAWSAccountId=ACCOUNT)["QueueUrl"] == url


def permissions(sqs):
    url = create(sqs, "permissions")
    sqs.add_permission(QueueUrl=url, Label="send", AWSAccountIds=["111122223333"], Actions=["SendMessage", "ReceiveMessage"])
    statement = json.loads(get(sqs, url, "Policy")["Policy"])["Statement"]
    assert statement == [{
        "Sid": "send", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": ["SQS:SendMessage", "SQS:ReceiveMessage"], "Resource": arn("permissions"),
    }], statement
    sqs.remove_permission(QueueUrl=url, Label="send")
    assert get(sqs, url, "Policy") == {}


def paging(sqs):
    urls = sorted(create(sqs, f"page-{i}") for i in range(5))
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=PREFIX + "page-", PaginationConfig={"PageSize": 2})
    assert [u for page in pages for u in page["QueueUrls"]] == urls


def fifo(sqs):
    url = create(sqs, "f.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    sent = [sqs.send_message(QueueUrl=url, MessageBody=f"{g}{i}", MessageGroupId=g) for i in range(3) for g in "ab"]
    numbers = [m["SequenceNumber"] for m in sent]
    assert numbers == sorted(numbers) and len(set(numbers)) == 6, numbers
    again = sqs.send_message(QueueUrl=url, MessageBody="a0", MessageGroupId="a")
    assert again["MessageId"] == sent[0]["MessageId"], again
    got = receive(sqs, url, 6, AttributeNames=["All"])
    assert [m["Body"] for m in got] == ["a0", "a1", "a2", "b0", "b1", "b2"], got
    first = got[0]["Attributes"]
    assert first["MessageGroupId"] == "a" and first["SequenceNumber"] == numbers[0], first
    assert first["MessageDeduplicationId"] == hashlib.sha256(b"a0").hexdigest(), first
    sqs.send_message(QueueUrl=url, MessageBody="a3", MessageGroupId="a")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    for m in got:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
    attempt = {"ReceiveRequestAttemptId": "attempt-1", "VisibilityTimeout": 30}
    one, other = receive(sqs, url, **attempt), receive(sqs, url, **attempt)
    assert one[0]["Body"] == "a3" and one[0]["ReceiptHandle"] == other[0]["ReceiptHandle"]


def batches(sqs):
    url = create(sqs, "batches")
    sent = sqs.send_message_batch(QueueUrl=url, Entries=[
        {"Id": str(i), "MessageBody": f"b{i}", "MessageAttributes": {"n": {"DataType": "Number", "StringValue": str(i)}}} for i in range(9)
    ] + [{"Id": "empty", "MessageBody": ""}])
    assert len(sent["Successful"]) == 9 and sent["Failed"][0]["Id"] == "empty" and sent["Failed"][0]["SenderFault"], sent
    got = receive(sqs, url, 9, MessageAttributeNames=["All"], VisibilityTimeout=60)
    assert sorted(m["MessageAttributes"]["n"]["StringValue"] for m in got) == [str(i) for i in range(9)]
    changed = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[
        {"Id": "0", "ReceiptHandle": got[0]["ReceiptHandle"], "VisibilityTimeout": 0},
        {"Id": "1", "ReceiptHandle": "no handle", "VisibilityTimeout": 0},
    ])
    assert [e["Id"] for e in changed["Successful"]] == ["0"] and changed["Failed"][0]["Code"] == "ReceiptHandleIsInvalid", changed
    assert receive(sqs, url)[0]["Body"] == got[0]["Body"]
    deleted = sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(got)])
    assert len(deleted["Successful"]) == 9 and "Failed" not in deleted, deleted
    sqs.send_message(QueueUrl=url, MessageBody="purged")
    sqs.purge_queue(QueueUrl=url)
    counts = get(sqs, url, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    assert set(counts.values()) == {"0"}, counts


def dead_letters(sqs):
    dead = create(sqs, "dead")
    policy = json.dumps({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": "2"})
    url = create(sqs, "source", RedrivePolicy=policy, VisibilityTimeout="30")
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    sent = sqs.send_message(QueueUrl=url, MessageBody="poison")
    for _ in range(2):
        receive(sqs, url, VisibilityTimeout=0)
    got = receive(sqs, dead, AttributeNames=["All"], VisibilityTimeout=0)[0]
    assert got["MessageId"] == sent["MessageId"] and got["Body"] == "poison", got
    assert got["Attributes"]["DeadLetterQueueSourceArn"] == arn("source"), got
    if not hasattr(sqs, "start_message_move_task"):
        return  # Debian's boto3 is older than move tasks
    sqs.start_message_move_task(SourceArn=arn("dead"))
    assert receive(sqs, url)[0]["Body"] == "poison"
    tasks = sqs.list_message_move_tasks(SourceArn=arn("dead"))["Results"]
    assert tasks[0]["Status"] in ("RUNNING", "COMPLETED") and tasks[0]["ApproximateNumberOfMessagesToMove"] == 1, tasks


def visibility(sqs):
    url = create(sqs, "visibility", VisibilityTimeout="0")
    sqs.send_message(QueueUrl=url, MessageBody="x" * (1 << 20))
    assert len(receive(sqs, url)[0]["Body"]) == 1 << 20
    m = receive(sqs, url, VisibilityTimeout=600, AttributeNames=["ApproximateReceiveCount"])[0]
    assert int(m["Attributes"]["ApproximateReceiveCount"]) >= 2, m
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"], VisibilityTimeout=43000)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert get(sqs, url, "ApproximateNumberOfMessagesNotVisible") == {"ApproximateNumberOfMessagesNotVisible": "1"}
    sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])


def errors(sqs):
    url = create(sqs, "errors")
    none = url + "-none"
    for code, call in {
        "AWS.SimpleQueueService.NonExistentQueue": lambda: sqs.send_message(QueueUrl=none, MessageBody="b"),
        "QueueAlreadyExists": lambda: create(sqs, "errors", VisibilityTimeout="99"),
        "InvalidAttributeName": lambda: create(sqs, "bad", Nonsense="1"),
        "InvalidAttributeValue": lambda: create(sqs, "bad", VisibilityTimeout="43201"),
        "InvalidParameterValue": lambda: sqs.create_queue(QueueName="not a name"),
        "ReceiptHandleIsInvalid": lambda: sqs.delete_message(QueueUrl=url, ReceiptHandle="x"),
        "AWS.SimpleQueueService.EmptyBatchRequest": lambda: sqs.send_message_batch(QueueUrl=url, Entries=[]),
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct": lambda: sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "b"}] * 2),
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest": lambda: sqs.send_message_batch(
            QueueUrl=url, Entries=[{"Id": str(i), "MessageBody": "b"} for i in range(11)]),
        "MissingParameter": lambda: sqs.send_message(QueueUrl=create(sqs, "e.fifo", FifoQueue="true"), MessageBody="b"),
    }.items():
        try:
            call()
        except ClientError as e:
            got = e.response["Error"]["Code"]
            assert got == code, (code, got, e)
        else:
            raise AssertionError(f"no {code}")
    # Both protocols make the exception of the model, whose name a handler catches.
    try:
        sqs.send_message(QueueUrl=none, MessageBody="b")
    except sqs.exceptions.QueueDoesNotExist:
        pass


main()
