// amqplib against an AMQP 0-9-1 broker: confirms, returns, a work queue, topics, closes.
'use strict';

const assert = require('node:assert');
const { once } = require('node:events');
const amqp = require('amqplib');

const url = process.env.AMQP_URL;

async function main() {
  const connection = await amqp.connect(url, { clientProperties: { connection_name: 'amqplib' } });
  const product = connection.connection.serverProperties.product;
  assert.strictEqual(product, 'RabbitMQ');
  await confirmsAndReturns(connection);
  await workQueue(connection);
  await topics(connection);
  await channelErrors(connection);
  await connection.close();
  await wrongPassword();
  console.log('amqplib ok');
}

async function confirmsAndReturns(connection) {
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('amqplib.confirms', { durable: true });
  await channel.purgeQueue(queue);
  const headers = { text: 'füß', number: 7, float: 1.5, yes: true, list: [1, 'a'], nested: { a: 1 }, nothing: null };
  for (let i = 0; i < 500; i++) {
    channel.sendToQueue(queue, Buffer.from(`message ${i}`), {
      persistent: true, contentType: 'text/plain', correlationId: `c${i}`, headers, timestamp: 1700000000,
    });
  }
  await channel.waitForConfirms();
  assert.deepStrictEqual(await channel.checkQueue(queue), { queue, messageCount: 500, consumerCount: 0 });
  const first = await channel.get(queue);
  assert.strictEqual(first.content.toString(), 'message 0');
  assert.deepStrictEqual(first.properties.headers, headers);
  assert.strictEqual(first.properties.correlationId, 'c0');
  assert.strictEqual(first.properties.timestamp, 1700000000);
  assert.strictEqual(first.fields.messageCount, 499);
  channel.nack(first);
  const again = await channel.get(queue);
  assert.strictEqual(again.content.toString(), 'message 0');
  assert.strictEqual(again.fields.redelivered, true);
  channel.reject(again, false);
  const returned = once(channel, 'return');
  channel.publish('', 'amqplib.nobody', Buffer.from('back'), { mandatory: true });
  const [message] = await returned;
  assert.strictEqual(message.fields.replyCode, 312);
  assert.strictEqual(message.content.toString(), 'back');
  assert.deepStrictEqual(await channel.deleteQueue(queue), { messageCount: 499 });
  await channel.close();
}

async function workQueue(connection) {
  const sender = await connection.createConfirmChannel();
  const { queue } = await sender.assertQueue('amqplib.work', { durable: true });
  await sender.purgeQueue(queue);
  const total = 300;
  const seen = [];
  let done;
  const all = new Promise((resolve) => { done = resolve; });
  const workers = [];
  for (let w = 0; w < 3; w++) {
    const channel = await connection.createChannel();
    await channel.prefetch(5);
    workers.push(channel);
    await channel.consume(queue, (message) => {
      setImmediate(() => {
        seen.push(Number(message.content.toString()));
        channel.ack(message);
        if (seen.length === total) done();
      });
    });
  }
  for (let i = 0; i < total; i++) sender.sendToQueue(queue, Buffer.from(String(i)), { persistent: true });
  await sender.waitForConfirms();
  await all;
  assert.deepStrictEqual(seen.sort((a, b) => a - b), [...Array(total).keys()]);
  for (const channel of workers) await channel.close();
  await sender.deleteQueue(queue, { ifEmpty: true, ifUnused: true });
  await sender.close();
}

async function topics(connection) {
  const channel = await connection.createChannel();
  await channel.assertExchange('amqplib.topic', 'topic', { durable: false });
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, 'amqplib.topic', 'log.*.error');
  channel.publish('amqplib.topic', 'log.disk.error', Buffer.from('yes'));
  channel.publish('amqplib.topic', 'log.disk.info', Buffer.from('no'));
  const got = await new Promise((resolve) => channel.consume(queue, resolve, { noAck: true }));
  assert.strictEqual(got.content.toString(), 'yes');
  assert.strictEqual(got.fields.routingKey, 'log.disk.error');
  await channel.unbindQueue(queue, 'amqplib.topic', 'log.*.error');
  await channel.deleteExchange('amqplib.topic');
  await channel.close();
}

async function channelErrors(connection) {
  const channel = await connection.createChannel();
  const failed = once(channel, 'error');
  await assert.rejects(channel.checkQueue('amqplib.missing'), /404 \(NOT-FOUND\)/);
  const [error] = await failed;
  assert.strictEqual(error.code, 404);
  // The connection lives on.
  const next = await connection.createChannel();
  await next.close();
}

async function wrongPassword() {
  const wrong = new URL(url);
  wrong.password = 'wrong';
  await assert.rejects(amqp.connect(wrong.toString()), /403 \(ACCESS-REFUSED\)/);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
