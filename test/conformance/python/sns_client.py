"""boto3 against SNS: topics, subscriptions, filters, FIFO, confirmation, permissions, mobile, errors."""

import json
import os
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
from botocore.exceptions import ClientError

SETTINGS = dict(
    endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1",
    aws_access_key_id="111122223333", aws_secret_access_key="test",
)
WAIT = 30


def main():
    sns, sqs = boto3.client("sns", **SETTINGS), boto3.client("sqs", **SETTINGS)
    attributes(sns)
    filters(sns, sqs)
    fifo(sns, sqs)
    confirmation(sns)
    mobile(sns)
    errors(sns)
    print("sns ok")


def code(call):
    try:
        call()
    except ClientError as e:
        return e.response["Error"]["Code"]
    raise AssertionError("no error")


def queue(sqs, name, **kept):
    url = sqs.create_queue(QueueName=name, Attributes=kept)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def take(sqs, url, n):
    got, end = [], time.monotonic() + WAIT
    while len(got) < n:
        assert time.monotonic() < end, (n, got)
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, AttributeNames=["All"])
        for m in answer.get("Messages", []):
            got.append(m)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
    assert len(got) == n, got
    return got


def attributes(sns):
    arn = sns.create_topic(Name="py", Attributes={"DisplayName": "d"}, Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
    assert arn == "arn:aws:sns:us-east-1:111122223333:py", arn
    assert sns.create_topic(Name="py")["TopicArn"] == arn
    shown = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert shown["DisplayName"] == "d" and shown["Owner"] == "111122223333", shown
    assert json.loads(shown["Policy"])["Statement"][0]["Sid"] == "__default_statement_ID", shown
    assert json.loads(shown["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 3, shown
    sns.set_topic_attributes(TopicArn=arn, AttributeName="SignatureVersion", AttributeValue="2")
    sns.add_permission(TopicArn=arn, Label="l", AWSAccountId=["444455556666"], ActionName=["Publish"])
    sns.remove_permission(TopicArn=arn, Label="l")
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    sns.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    sns.put_data_protection_policy(ResourceArn=arn, DataProtectionPolicy='{"Name":"x"}')
    assert sns.get_data_protection_policy(ResourceArn=arn)["DataProtectionPolicy"] == '{"Name":"x"}'
    for i in range(101):
        sns.create_topic(Name=f"py-{i}")
    listed = [t["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for t in page["Topics"]]
    assert len(listed) == len(set(listed)) == 102, len(listed)
    sns.delete_topic(TopicArn=arn)
    assert code(lambda: sns.get_topic_attributes(TopicArn=arn)) == "NotFound"


def filters(sns, sqs):
    topic = sns.create_topic(Name="py-filter")["TopicArn"]
    urls = {}
    for name, policy, scope in [
        ("all", None, None),
        ("prefix", {"kind": [{"prefix": "or"}]}, "MessageAttributes"),
        ("not", {"kind": [{"anything-but": ["order"]}], "n": [{"numeric": [">", 1, "<=", 3]}]}, "MessageAttributes"),
        ("body", {"a": {"b": ["x", {"exists": False}]}}, "MessageBody"),
        ("or", {"$or": [{"kind": ["order"]}, {"n": [3]}]}, "MessageAttributes"),
    ]:
        urls[name], arn = queue(sqs, "py-filter-" + name)
        kept = {"RawMessageDelivery": "true"}
        if policy:
            kept.update(FilterPolicy=json.dumps(policy), FilterPolicyScope=scope)
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=kept)
    entries = []
    for i, (kind, n, body) in enumerate([("order", 1, {"a": {"b": "x"}}), ("other", 3, {"a": {"b": "y"}}), ("orbit", 2, {"c": 1})]):
        entries.append({"Id": str(i), "Message": json.dumps(body), "MessageAttributes": {
            "kind": {"DataType": "String", "StringValue": kind}, "n": {"DataType": "Number", "StringValue": str(n)}}})
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert len(answer["Successful"]) == 3 and not answer["Failed"], answer
    for name, want in {"all": [0, 1, 2], "prefix": [0, 2], "not": [1, 2], "body": [0, 2], "or": [0, 1]}.items():
        bodies = sorted(m["Body"] for m in take(sqs, urls[name], len(want)))
        assert bodies == sorted(entries[i]["Message"] for i in want), (name, bodies)


def fifo(sns, sqs):
    topic = sns.create_topic(Name="py.fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"})["TopicArn"]
    url, arn = queue(sqs, "py.fifo", FifoQueue="true")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    first = sns.publish(TopicArn=topic, Message="m1", MessageGroupId="g")
    again = sns.publish(TopicArn=topic, Message="m1", MessageGroupId="g")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"]), (first, again)
    for i in range(2, 6):
        sns.publish(TopicArn=topic, Message=f"m{i}", MessageGroupId="g")
    got = take(sqs, url, 5)
    envelopes = [json.loads(m["Body"]) for m in got]
    assert [e["Message"] for e in envelopes] == ["m1", "m2", "m3", "m4", "m5"], envelopes
    assert envelopes[0]["SequenceNumber"] == first["SequenceNumber"] and "Signature" not in envelopes[0], envelopes
    assert got[0]["Attributes"]["MessageGroupId"] == "g", got


def confirmation(sns):
    requests, arrived = [], threading.Condition()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            with arrived:
                requests.append((self.headers, json.loads(body)))
                arrived.notify()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def request():
        with arrived:
            assert arrived.wait_for(lambda: requests, WAIT)
            return requests.pop(0)

    topic = sns.create_topic(Name="py-http")["TopicArn"]
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{server.server_port}/")
    assert answer["SubscriptionArn"] == "pending confirmation", answer
    headers, body = request()
    assert headers["x-amz-sns-message-type"] == body["Type"] == "SubscriptionConfirmation", (headers, body)
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [s["SubscriptionArn"] for s in listed] == ["PendingConfirmation"], listed
    arn = sns.confirm_subscription(TopicArn=topic, Token=body["Token"], AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
    shown = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert shown["PendingConfirmation"] == "false" and shown["ConfirmationWasAuthenticated"] == "true", shown
    sns.publish(TopicArn=topic, Message="hello", Subject="s")
    headers, body = request()
    assert headers["x-amz-sns-subscription-arn"] == arn and body["Message"] == "hello" and body["Subject"] == "s", (headers, body)
    try:  # who confirmed it with a key alone may end it
        urllib.request.urlopen(body["UnsubscribeURL"])
        raise AssertionError("unsubscribed without a key")
    except urllib.error.HTTPError as e:
        assert e.code == 403, e
    sns.unsubscribe(SubscriptionArn=arn)
    assert request()[1]["Type"] == "UnsubscribeConfirmation"
    server.shutdown()


def mobile(sns):
    app = sns.create_platform_application(Name="a", Platform="GCM", Attributes={"PlatformCredential": "x"})["PlatformApplicationArn"]
    device = sns.create_platform_endpoint(PlatformApplicationArn=app, Token="t")["EndpointArn"]
    assert sns.get_endpoint_attributes(EndpointArn=device)["Attributes"] == {"Enabled": "true", "Token": "t"}
    assert len(sns.list_endpoints_by_platform_application(PlatformApplicationArn=app)["Endpoints"]) == 1
    sns.publish(TargetArn=device, MessageStructure="json", Message=json.dumps({"default": "d", "GCM": "{}"}))
    sns.publish(PhoneNumber="+15551234567", Message="sms")
    page = SETTINGS["endpoint_url"] + "/_aws/sns/outbox?accountId=111122223333"
    sent = json.load(urllib.request.urlopen(page))["messages"]
    assert [(m["protocol"], m["endpoint"], m["message"]) for m in sent] == [("application", device, "{}"), ("sms", "+15551234567", "sms")], sent
    assert sns.check_if_phone_number_is_opted_out(phoneNumber="+15551234567")["isOptedOut"] is False
    sns.set_sms_attributes(attributes={"DefaultSMSType": "Transactional"})
    assert sns.get_sms_attributes()["attributes"] == {"DefaultSMSType": "Transactional"}
    sns.delete_endpoint(EndpointArn=device)
    sns.delete_platform_application(PlatformApplicationArn=app)


def errors(sns):
    topic = sns.create_topic(Name="py-errors")["TopicArn"]
    for want, call in {
        "InvalidParameter": lambda: sns.create_topic(Name="a b"),
        "NotFound": lambda: sns.publish(TopicArn=topic + "x", Message="m"),
        "EmptyBatchRequest": lambda: sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[]),
        "TooManyEntriesInBatchRequest": lambda: sns.publish_batch(
            TopicArn=topic, PublishBatchRequestEntries=[{"Id": str(i), "Message": "m"} for i in range(11)]),
        "ParameterValueInvalid": lambda: sns.publish(
            TopicArn=topic, Message="m", MessageAttributes={"a": {"DataType": "Number", "StringValue": "x"}}),
    }.items():
        got = code(call)
        assert got == want or want == "ParameterValueInvalid" and got == "InvalidParameterValue", (want, got)


main()
