// @stomp/stompjs over WebSocket against a STOMP broker: versions, receipts, acknowledgements, transactions, binary
// bodies, frames in pieces, heart-beats, and going on after the connection broke. DIALECT is rabbitmq or activemq.
'use strict';

const assert = require('node:assert');
const { Client, Versions } = require('@stomp/stompjs');
const WebSocket = require('ws');

const url = process.env.STOMP_WS_URL;
const activemq = process.env.DIALECT === 'activemq';

// connect returns a client that is connected; what it is not to get fails the program.
function connect(options = {}) {
  return new Promise((resolve, reject) => {
    const client = new Client({
      webSocketFactory: () => new WebSocket(url, options.protocols || Versions.default.protocolVersions()),
      connectHeaders: { login: 'guest', passcode: 'guest', host: '/' },
      reconnectDelay: 0,
      heartbeatIncoming: 1000,
      heartbeatOutgoing: 1000,
      onStompError: (frame) => reject(new Error(`ERROR ${frame.headers.message}: ${frame.body}`)),
      onWebSocketError: reject,
      ...options,
    });
    client.onConnect = (frame) => { client.connectedFrame = frame; resolve(client); };
    client.activate();
  });
}

let receipts = 0;

// receipt makes a receipt header, and a promise of its answer.
function receipt(client) {
  const id = `r${++receipts}`;
  return { headers: { receipt: id }, came: new Promise((resolve) => { client.watchForReceipt(id, resolve); }) };
}

async function publish(client, params) {
  const r = receipt(client);
  client.publish({ ...params, headers: { ...params.headers, ...r.headers } });
  await r.came;
}

// subscribe returns a function that waits for the next message.
async function subscribe(client, destination, headers) {
  const waiting = [];
  const here = [];
  const r = receipt(client);
  const subscription = client.subscribe(destination, (m) => {
    const next = waiting.shift();
    if (next) next(m); else here.push(m);
  }, { ...headers, ...r.headers });
  await r.came;
  const next = () => (here.length ? Promise.resolve(here.shift()) : new Promise((resolve) => { waiting.push(resolve); }));
  return { next, unsubscribe: () => subscription.unsubscribe() };
}

async function versions() {
  for (const [version, protocol] of [['1.0', 'v10.stomp'], ['1.1', 'v11.stomp'], ['1.2', 'v12.stomp']]) {
    const client = await connect({ stompVersions: new Versions([version]), protocols: [protocol] });
    assert.strictEqual(client.connectedVersion, version);
    assert.strictEqual(client.webSocket.protocol, protocol);
    assert.match(client.connectedFrame.headers.server, activemq ? /^ActiveMQ\// : /^RabbitMQ\//);
    await client.deactivate();
  }
}

async function acknowledgements(client) {
  const queue = '/queue/stompjs.work';
  for (let i = 0; i < 3; i++) await publish(client, { destination: queue, body: `m${i} füß`, headers: { number: String(i), persistent: 'true' } });
  const s = await subscribe(client, queue, { ack: 'client-individual' });
  const got = [await s.next(), await s.next(), await s.next()];
  assert.deepStrictEqual(got.map((m) => m.body), ['m0 füß', 'm1 füß', 'm2 füß']);
  assert.strictEqual(got[1].headers.number, '1');
  assert.strictEqual(got[1].headers.destination, queue);
  got[0].ack();
  got[2].ack();
  // What is refused goes to the dead letter queue, being persistent, or comes back.
  const dead = activemq ? await subscribe(client, '/queue/ActiveMQ.DLQ', {}) : s;
  got[1].nack();
  const back = await dead.next();
  assert.strictEqual(back.body, 'm1 füß');
  if (activemq) dead.unsubscribe(); else back.ack();
  s.unsubscribe();
}

async function transactions(client) {
  const s = await subscribe(client, '/queue/stompjs.tx', {});
  const aborted = client.begin();
  client.publish({ destination: '/queue/stompjs.tx', body: 'never', headers: { transaction: aborted.id } });
  aborted.abort();
  const tx = client.begin();
  for (const body of ['a', 'b']) client.publish({ destination: '/queue/stompjs.tx', body, headers: { transaction: tx.id } });
  tx.commit();
  assert.strictEqual((await s.next()).body, 'a');
  assert.strictEqual((await s.next()).body, 'b');
  s.unsubscribe();
}

async function bodies(options) {
  const client = await connect(options);
  const s = await subscribe(client, '/topic/stompjs.bodies', {});
  const bytes = new Uint8Array(256).map((_, i) => i);
  await publish(client, { destination: '/topic/stompjs.bodies', binaryBody: bytes });
  assert.deepStrictEqual(new Uint8Array((await s.next()).binaryBody), bytes);
  const large = 'ä'.repeat(100000);
  await publish(client, { destination: '/topic/stompjs.bodies', body: large });
  assert.strictEqual((await s.next()).body, large);
  await publish(client, { destination: '/topic/stompjs.bodies', body: '', headers: { ab: 'c:\nd\\e' } });
  assert.strictEqual((await s.next()).headers.ab, 'c:\nd\\e');
  await client.deactivate();
}

// reconnects breaks the connection under the client, which has to come back by itself.
async function reconnects() {
  const client = await connect({ reconnectDelay: 50 });
  const again = new Promise((resolve) => { client.onConnect = resolve; });
  client.webSocket.terminate();
  await again;
  await publish(client, { destination: '/queue/stompjs.again', body: 'x' });
  await client.deactivate();
}

async function refusals() {
  await assert.rejects(connect({ connectHeaders: { login: 'guest', passcode: 'wrong', host: '/' } }), /ERROR/);
}

async function main() {
  await versions();
  const client = await connect();
  await acknowledgements(client);
  await transactions(client);
  await client.deactivate();
  await bodies({});
  await bodies({ forceBinaryWSFrames: true });
  await bodies({ splitLargeFrames: true, maxWebSocketChunkSize: 1000 });
  await reconnects();
  await refusals();
  console.log('stompjs ok');
}

main().then(() => process.exit(0), (err) => { console.error(err); process.exit(1); });
