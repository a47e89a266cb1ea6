"""boto3 against IAM, STS and the access control of SQS and SNS: real keys, wrong keys, presigned URLs, assumed roles."""

import datetime
import json
import os
import time
import urllib.error
import urllib.request

import boto3
import botocore
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
ROOT = ("AKIAROOTOFTHETESTS00", "the+secret/of+the+root")
ACCOUNT = "000000000000"
PREFIX = "old-" if "1.29." in botocore.__version__ else "new-"
QUEUE_ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{PREFIX}access"


def client(service, key, secret, token=None):
    return boto3.client(service, endpoint_url=ENDPOINT, region_name="us-east-1", aws_access_key_id=key,
                        aws_secret_access_key=secret, aws_session_token=token)


def refused(code, text, call, **arguments):
    try:
        call(**arguments)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code, e.response
        assert text in e.response["Error"]["Message"], e.response
        return e.response["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError(f"{code} was expected")


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def main():
    iam, sts, sqs = client("iam", *ROOT), client("sts", *ROOT), client("sqs", *ROOT)
    identity = sts.get_caller_identity()
    assert (identity["Arn"], identity["Account"]) == (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT), identity
    url = sqs.create_queue(QueueName=PREFIX + "access")["QueueUrl"]
    wrong_keys(url)
    user, key = users(iam)
    denied(url, key)
    policies(iam, sqs, url, user, key)
    roles(iam, url, user, key)
    presigned(url)
    expired(url)
    fan_out(sqs, url)
    clean_up(iam, user)
    print("access with botocore", botocore.__version__, "ok")


def wrong_keys(url):
    assert refused("InvalidClientTokenId", "The security token included in the request is invalid.",
                   client("sqs", "AKIANOBODY", "x").get_queue_attributes, QueueUrl=url) == 403
    assert refused("SignatureDoesNotMatch", "The request signature we calculated does not match",
                   client("sqs", ROOT[0], "wrong").get_queue_attributes, QueueUrl=url) == 403
    assert refused("SignatureDoesNotMatch", "The request signature we calculated does not match",
                   client("sns", ROOT[0], "wrong").list_topics) == 403
    refused("InvalidClientTokenId", "", client("sts", *ROOT, token="forged").get_caller_identity)
    try:
        urllib.request.urlopen(ENDPOINT + "/?Action=ListTopics&Version=2010-03-31")
        raise AssertionError("an unsigned request was taken")
    except urllib.error.HTTPError as e:
        assert e.code == 403 and b"<Code>MissingAuthenticationToken</Code>" in e.read()


def users(iam):
    name = PREFIX + "bob"
    user = iam.create_user(UserName=name, Path="/team/", Tags=[{"Key": "team", "Value": "ü"}])["User"]
    assert user["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/team/{name}", user
    refused("EntityAlreadyExists", f"User with name {name} already exists.", iam.create_user, UserName=name)
    refused("NoSuchEntity", "The user with name nobody cannot be found.", iam.get_user, UserName="nobody")
    refused("MalformedPolicyDocument", "Syntax errors in policy.", iam.put_user_policy,
            UserName=name, PolicyName="p", PolicyDocument="{}")
    assert [u["UserName"] for u in iam.list_users(PathPrefix="/team/")["Users"]].count(name) == 1
    key = iam.create_access_key(UserName=name)["AccessKey"]
    listed = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    assert [k["AccessKeyId"] for k in listed] == [key["AccessKeyId"]] and listed[0]["Status"] == "Active", listed
    return name, (key["AccessKeyId"], key["SecretAccessKey"])


def denied(url, key):
    arn = client("sts", *key).get_caller_identity()["Arn"]
    text = f"User: {arn} is not authorized to perform: sqs:sendmessage on resource: {QUEUE_ARN} because no identity-based policy allows the sqs:sendmessage action"
    refused("AccessDenied", text, client("sqs", *key).send_message, QueueUrl=url, MessageBody="x")
    refused("AuthorizationError", "is not authorized to perform: SNS:CreateTopic", client("sns", *key).create_topic, Name="x")
    refused("AccessDenied", "is not authorized to perform: iam:CreateUser", client("iam", *key).create_user, UserName="x")
    refused("AccessDeniedException", "is not authorized to perform: kinesis:PutRecord", client("kinesis", *key).put_record,
            StreamName="s", Data=b"x", PartitionKey="p")


def policies(iam, sqs, url, user, key):
    bob = client("sqs", *key)
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:*:" + PREFIX + "*"}
    iam.put_user_policy(UserName=user, PolicyName="send", PolicyDocument=policy(send))
    assert iam.get_user_policy(UserName=user, PolicyName="send")["PolicyDocument"]["Statement"] == [send]
    bob.send_message(QueueUrl=url, MessageBody="by an identity policy")
    bob.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "x"}])
    refused("AccessDenied", "sqs:receivemessage", bob.receive_message, QueueUrl=url)
    # The queue's own policy lets bob receive, and then denies him everything.
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy({
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/team/{user}"}, "Action": "sqs:ReceiveMessage", "Resource": QUEUE_ARN,
    })})
    assert bob.receive_message(QueueUrl=url, WaitTimeSeconds=1)["Messages"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy({
        "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": QUEUE_ARN, "Condition": {"StringEquals": {"aws:username": user}},
    })})
    refused("AccessDenied", "with an explicit deny in a resource-based policy", bob.send_message, QueueUrl=url, MessageBody="x")
    # Where a policy demands TLS, plain HTTP is refused.
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy({
        "Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": QUEUE_ARN, "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    })})
    refused("AccessDenied", "explicit deny", sqs.send_message, QueueUrl=url, MessageBody="x")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    groups(iam, user, key)
    iam.update_access_key(UserName=user, AccessKeyId=key[0], Status="Inactive")
    refused("InvalidClientTokenId", "", bob.send_message, QueueUrl=url, MessageBody="x")
    iam.update_access_key(UserName=user, AccessKeyId=key[0], Status="Active")


def groups(iam, user, key):
    name = PREFIX + "admins"
    iam.create_group(GroupName=name)
    arn = iam.create_policy(PolicyName=PREFIX + "topics", PolicyDocument=policy({"Effect": "Allow", "Action": "sns:*", "Resource": "*"}))["Policy"]["Arn"]
    iam.attach_group_policy(GroupName=name, PolicyArn=arn)
    iam.add_user_to_group(GroupName=name, UserName=user)
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName=user)["Groups"]] == [name]
    client("sns", *key).list_topics()
    v2 = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy({"Effect": "Deny", "Action": "sns:*", "Resource": "*"}), SetAsDefault=True)
    refused("AuthorizationError", "explicit deny", client("sns", *key).list_topics)
    assert [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v1", v2["PolicyVersion"]["VersionId"]]
    refused("DeleteConflict", "Cannot delete a policy attached to entities.", iam.delete_policy, PolicyArn=arn)
    iam.remove_user_from_group(GroupName=name, UserName=user)
    iam.detach_group_policy(GroupName=name, PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    iam.delete_group(GroupName=name)


def roles(iam, url, user, key):
    name = PREFIX + "app"
    bob = iam.get_user(UserName=user)["User"]["Arn"]
    trust = policy({"Effect": "Allow", "Principal": {"AWS": bob}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": "outside"}}})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    sts = client("sts", *key)
    refused("AccessDenied", "is not authorized to perform: sts:AssumeRole on resource: " + role["Arn"], sts.assume_role,
            RoleArn=role["Arn"], RoleSessionName="me")
    got = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me", ExternalId="outside", DurationSeconds=900)
    assert got["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/me", got
    c = got["Credentials"]
    left = c["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=14) < left <= datetime.timedelta(minutes=15), left
    session = (c["AccessKeyId"], c["SecretAccessKey"], c["SessionToken"])
    assert client("sts", *session).get_caller_identity()["Arn"] == got["AssumedRoleUser"]["Arn"]
    client("sqs", *session).send_message(QueueUrl=url, MessageBody="by a role")
    refused("InvalidClientTokenId", "", client("sqs", *session[:2]).send_message, QueueUrl=url, MessageBody="x")
    limited = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="me", ExternalId="outside", Policy=policy(
        {"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}))["Credentials"]
    less = client("sqs", limited["AccessKeyId"], limited["SecretAccessKey"], limited["SessionToken"])
    less.receive_message(QueueUrl=url)
    refused("AccessDenied", "because no session policy", less.send_message, QueueUrl=url, MessageBody="x")
    token = sts.get_session_token()["Credentials"]
    client("sqs", token["AccessKeyId"], token["SecretAccessKey"], token["SessionToken"]).send_message(QueueUrl=url, MessageBody="by a session")
    refused("AccessDenied", "Roles may not be assumed by root accounts.", client("sts", *ROOT).assume_role, RoleArn=role["Arn"], RoleSessionName="me")
    refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", iam.delete_role, RoleName=name)
    iam.detach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    iam.delete_role(RoleName=name)
    refused("InvalidClientTokenId", "", client("sqs", *session).send_message, QueueUrl=url, MessageBody="x")


def presign(url, seconds, secret=ROOT[1]):
    request = AWSRequest(method="GET", url=url + "?Action=GetQueueAttributes&Version=2012-11-05&AttributeName.1=QueueArn")
    SigV4QueryAuth(Credentials(ROOT[0], secret), "sqs", "us-east-1", expires=seconds).add_auth(request)
    return request.url


def presigned(url):
    with urllib.request.urlopen(presign(url, 60)) as answer:
        assert QUEUE_ARN.encode() in answer.read()
    for bad, code in ((presign(url, 60, "wrong"), b"SignatureDoesNotMatch"), (presign(url, 60).replace("QueueArn", "All"), b"SignatureDoesNotMatch")):
        try:
            urllib.request.urlopen(bad)
            raise AssertionError("it was taken")
        except urllib.error.HTTPError as e:
            body = e.read()
            assert e.code == 403 and b"<Code>" + code + b"</Code>" in body, body


def expired(url):
    late = presign(url, 1)
    time.sleep(2.1)
    try:
        urllib.request.urlopen(late)
        raise AssertionError("it was taken")
    except urllib.error.HTTPError as e:
        assert b"<Code>RequestExpired</Code>" in e.read()


def fan_out(sqs, url):
    """A topic reaches a queue where the queue's policy lets it; what it refuses goes to the dead-letter queue."""
    sns = client("sns", *ROOT)
    sqs.purge_queue(QueueUrl=url)
    topic = sns.create_topic(Name=PREFIX + "access")["TopicArn"]
    dead_arn = QUEUE_ARN + "-dead"
    dead = sqs.create_queue(QueueName=PREFIX + "access-dead", Attributes={"Policy": allow(dead_arn, topic)})["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE_ARN,
                  Attributes={"RawMessageDelivery": "true", "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn})})
    sns.publish(TopicArn=topic, Message="refused")
    assert [m["Body"] for m in take(sqs, dead)] == ["refused"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": allow(QUEUE_ARN, topic)})
    sns.publish(TopicArn=topic, Message="allowed")
    assert [m["Body"] for m in take(sqs, url)] == ["allowed"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": allow(QUEUE_ARN, topic + "-other")})
    sns.publish(TopicArn=topic, Message="refused again")
    assert [m["Body"] for m in take(sqs, dead)] == ["refused again"]
    sns.delete_topic(TopicArn=topic)
    sqs.delete_queue(QueueUrl=dead)


def allow(queue, topic):
    return policy({"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue,
                   "Condition": {"ArnEquals": {"aws:SourceArn": topic}}})


def take(sqs, url):
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10).get("Messages", [])
    for m in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
    return messages


def clean_up(iam, user):
    refused("DeleteConflict", "Cannot delete entity, must delete policies first.", iam.delete_user, UserName=user)
    iam.delete_user_policy(UserName=user, PolicyName="send")
    for k in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=user, AccessKeyId=k["AccessKeyId"])
    iam.delete_user(UserName=user)


if __name__ == "__main__":
    main()
