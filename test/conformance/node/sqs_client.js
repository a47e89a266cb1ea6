// The AWS SDK for JavaScript v3 against SQS. It sends to the host of a queue's URL, not to its endpoint.
"use strict";

const assert = require("node:assert");
const {
  SQSClient, CreateQueueCommand, SendMessageCommand, SendMessageBatchCommand, ReceiveMessageCommand,
  DeleteMessageCommand, ChangeMessageVisibilityCommand, GetQueueAttributesCommand, TagQueueCommand,
  ListQueueTagsCommand, paginateListQueues,
} = require("@aws-sdk/client-sqs");

const sqs = new SQSClient({
  endpoint: process.env.AWS_ENDPOINT_URL,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});

async function create(name, attributes) {
  return (await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }))).QueueUrl;
}

async function receive(QueueUrl, n, options) {
  const got = [];
  const end = Date.now() + 30000;
  while (got.length < n && Date.now() < end) {
    const answer = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: n - got.length, WaitTimeSeconds: 1, ...options }));
    got.push(...(answer.Messages ?? []));
  }
  assert.strictEqual(got.length, n);
  return got;
}

async function standard() {
  const QueueUrl = await create("js-standard", { VisibilityTimeout: "40" });
  // The client compares the MD5s of bodies with its own.
  const sent = await sqs.send(new SendMessageCommand({
    QueueUrl, MessageBody: "line\r\n<&>ü\u{1F600}",
    MessageAttributes: { bytes: { DataType: "Binary", BinaryValue: new Uint8Array([0, 255]) }, n: { DataType: "Number.int", StringValue: "7" } },
  }));
  const [m] = await receive(QueueUrl, 1, { MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All"] });
  assert.strictEqual(m.MessageId, sent.MessageId);
  assert.strictEqual(m.Body, "line\r\n<&>ü\u{1F600}");
  assert.strictEqual(m.MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
  assert.deepStrictEqual([...m.MessageAttributes.bytes.BinaryValue], [0, 255]);
  assert.strictEqual(m.MessageAttributes.n.DataType, "Number.int");
  assert.strictEqual(m.Attributes.ApproximateReceiveCount, "1");
  await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0 }));
  const [again] = await receive(QueueUrl, 1);
  await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: again.ReceiptHandle }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
  assert.strictEqual(Attributes.ApproximateNumberOfMessages, "0");
  assert.strictEqual(Attributes.VisibilityTimeout, "40");
  await sqs.send(new TagQueueCommand({ QueueUrl, Tags: { team: "a" } }));
  assert.deepStrictEqual((await sqs.send(new ListQueueTagsCommand({ QueueUrl }))).Tags, { team: "a" });
}

async function fifo() {
  const QueueUrl = await create("js.fifo", { FifoQueue: "true" });
  const batch = await sqs.send(new SendMessageBatchCommand({
    QueueUrl,
    Entries: ["1", "2", "3", "1"].map((id, i) => ({ Id: `e${i}`, MessageBody: id, MessageGroupId: "g", MessageDeduplicationId: id })),
  }));
  assert.strictEqual(batch.Successful.length, 4);
  assert.strictEqual(batch.Successful[0].MessageId, batch.Successful[3].MessageId);
  const got = await receive(QueueUrl, 3);
  assert.deepStrictEqual(got.map((m) => m.Body), ["1", "2", "3"]);
}

async function errors() {
  await assert.rejects(sqs.send(new SendMessageCommand({ QueueUrl: (await create("js-errors")) + "-none", MessageBody: "b" })), (e) => {
    assert.strictEqual(e.name, "QueueDoesNotExist");
    assert.strictEqual(e.$metadata.httpStatusCode, 400);
    return true;
  });
  await assert.rejects(create("js-errors", { VisibilityTimeout: "1" }), { name: "QueueNameExists" });
}

async function paging() {
  for (let i = 0; i < 3; i++) await create(`js-page-${i}`);
  const urls = [];
  for await (const page of paginateListQueues({ client: sqs, pageSize: 2 }, { QueueNamePrefix: "js-page-" })) urls.push(...page.QueueUrls);
  assert.strictEqual(urls.length, 3);
}

(async () => {
  await standard();
  await fifo();
  await errors();
  await paging();
  console.log("aws-sdk for JavaScript ok");
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
