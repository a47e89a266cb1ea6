// The AWS SDK for JavaScript v3 against SNS over HTTPS, and sns-validator with its host pattern set: it fetches the
// certificate from the endpoint and verifies what is sent, in both versions of the signature.
"use strict";

const assert = require("node:assert");
const http = require("node:http");
const {
  SNSClient, CreateTopicCommand, SubscribeCommand, ConfirmSubscriptionCommand, PublishCommand, PublishBatchCommand,
  SetTopicAttributesCommand, GetSubscriptionAttributesCommand, paginateListSubscriptionsByTopic, TagResourceCommand,
  ListTagsForResourceCommand, DeleteTopicCommand,
} = require("@aws-sdk/client-sns");
const { SQSClient, CreateQueueCommand, ReceiveMessageCommand } = require("@aws-sdk/client-sqs");
const MessageValidator = require("sns-validator");

const options = {
  endpoint: process.env.AWS_ENDPOINT_URL,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
};
const sns = new SNSClient(options);
const sqs = new SQSClient(options);
const validator = new MessageValidator(/^127\.0\.0\.1:\d+$/, "utf8");

function verify(message) {
  return new Promise((resolve, reject) => validator.validate(message, (error, valid) => (error ? reject(error) : resolve(valid))));
}

function listen() {
  const waiting = [];
  const arrived = [];
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      response.end();
      const got = { headers: request.headers, body: JSON.parse(Buffer.concat(chunks)) };
      const next = waiting.shift();
      if (next) next(got);
      else arrived.push(got);
    });
  });
  const next = () => new Promise((resolve) => (arrived.length > 0 ? resolve(arrived.shift()) : waiting.push(resolve)));
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve({ server, next, url: `http://127.0.0.1:${server.address().port}/` })));
}

async function signed() {
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "js-http" }));
  const endpoint = await listen();
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: endpoint.url }));
  const confirmation = (await endpoint.next()).body;
  assert.strictEqual(new URL(confirmation.SigningCertURL).protocol, "https:");
  await verify(confirmation);
  const { SubscriptionArn } = await sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token: confirmation.Token }));
  const shown = await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
  assert.strictEqual(shown.Attributes.PendingConfirmation, "false");
  for (const version of ["1", "2"]) {
    await sns.send(new SetTopicAttributesCommand({ TopicArn, AttributeName: "SignatureVersion", AttributeValue: version }));
    await sns.send(new PublishCommand({ TopicArn, Message: "line\nü\u{1F600}<&>", Subject: "about" }));
    const { headers, body } = await endpoint.next();
    assert.strictEqual(headers["x-amz-sns-message-type"], "Notification");
    assert.strictEqual(body.SignatureVersion, version);
    assert.strictEqual(body.Message, "line\nü\u{1F600}<&>");
    await verify(body);
    await assert.rejects(verify({ ...body, Message: "forged" }));
  }
  endpoint.server.close();
  await assert.rejects(
    new Promise((resolve, reject) => new MessageValidator().validate(confirmation, (e, ok) => (e ? reject(e) : resolve(ok)))),
    /certificate is located on an invalid domain/);
}

async function queues() {
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "js-queue", Tags: [{ Key: "a", Value: "b" }] }));
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "js-sns" }));
  await sns.send(new SubscribeCommand({
    TopicArn, Protocol: "sqs", Endpoint: "arn:aws:sqs:us-east-1:000000000000:js-sns",
    Attributes: { FilterPolicy: JSON.stringify({ kind: [{ suffix: "t" }] }) },
  }));
  const answer = await sns.send(new PublishBatchCommand({
    TopicArn,
    PublishBatchRequestEntries: ["cat", "dog"].map((kind, i) => ({
      Id: String(i), Message: kind, MessageAttributes: { kind: { DataType: "String", StringValue: kind }, b: { DataType: "Binary", BinaryValue: new Uint8Array([0, 255]) } },
    })),
  }));
  assert.strictEqual(answer.Successful.length, 2);
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20, MaxNumberOfMessages: 10 }));
  assert.strictEqual(Messages.length, 1);
  const envelope = JSON.parse(Messages[0].Body);
  assert.strictEqual(envelope.Message, "cat");
  assert.deepStrictEqual(envelope.MessageAttributes.b, { Type: "Binary", Value: "AP8=" });
  await verify(envelope);
  let n = 0;
  for await (const page of paginateListSubscriptionsByTopic({ client: sns }, { TopicArn })) n += page.Subscriptions.length;
  assert.strictEqual(n, 1);
  await sns.send(new TagResourceCommand({ ResourceArn: TopicArn, Tags: [{ Key: "c", Value: "d" }] }));
  const { Tags } = await sns.send(new ListTagsForResourceCommand({ ResourceArn: TopicArn }));
  assert.strictEqual(Tags.length, 2);
  await sns.send(new DeleteTopicCommand({ TopicArn }));
  await assert.rejects(sns.send(new PublishCommand({ TopicArn, Message: "m" })), { name: "NotFoundException", message: "Topic does not exist" });
}

signed().then(queues).then(() => console.log("sns js ok"), (error) => {
  console.error(error);
  process.exit(1);
});
