// The page of stompjs_page.html: @stomp/stompjs in a browser, over the browser's own WebSocket. What came of it is told to
// the server that the page is from.
'use strict';

const parameters = new URLSearchParams(location.search);

let fail; // what goes wrong at any time ends it all
const failed = new Promise((resolve, reject) => { fail = reject; });

function connect(versions) {
  return new Promise((resolve) => {
    const client = new StompJs.Client({
      brokerURL: parameters.get('url'),
      connectHeaders: { login: 'guest', passcode: 'guest', host: '/' },
      stompVersions: new StompJs.Versions(versions),
      reconnectDelay: 0,
      onConnect: (frame) => resolve({ client, frame }),
      onStompError: (frame) => fail(new Error(`ERROR ${frame.headers.message}: ${frame.body}`)),
      onWebSocketError: () => fail(new Error('the WebSocket failed')),
    });
    client.activate();
  });
}

function equal(got, want) {
  if (JSON.stringify(got) !== JSON.stringify(want)) {
    throw new Error(`got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }
}

// exchange subscribes, sends a text and bytes, acks the first in a transaction, and disconnects.
async function exchange(version) {
  const { client, frame } = await connect([version]);
  equal(frame.headers.version, version);
  const destination = `/queue/page.${version}`;
  const got = [];
  let wake = () => {};
  const receipt = (id) => new Promise((resolve) => { client.watchForReceipt(id, resolve); });
  const subscribed = receipt('subscribed');
  client.subscribe(destination, (m) => { got.push(m); wake(); }, { ack: 'client', receipt: 'subscribed' });
  await subscribed;
  const text = 'Grüße: \\ "…"';
  const note = version === '1.2' ? text : 'plain'; // stompjs escapes headers in 1.2 only
  const bytes = new Uint8Array([0, 255, 10, 0]);
  const sent = receipt('sent');
  client.publish({ destination, body: text, headers: { note, persistent: 'true' } });
  client.publish({ destination, binaryBody: bytes, headers: { receipt: 'sent' } });
  await sent;
  while (got.length < 2) await new Promise((resolve) => { wake = resolve; });
  equal(got[0].body, text);
  equal(got[0].headers.note, note);
  equal(Array.from(got[1].binaryBody), Array.from(bytes));
  const tx = client.begin('t');
  got[0].ack({ transaction: 't' });
  const committed = receipt('committed');
  client.publish({ destination: `${destination}.done`, body: 'done', headers: { transaction: 't' } });
  tx.commit();
  got[1].ack({ receipt: 'committed' });
  await committed;
  await client.deactivate();
}

async function exchanges() {
  for (const version of ['1.0', '1.1', '1.2']) await exchange(version);
}

Promise.race([exchanges(), failed]).then(() => 'passed', (e) => `failed: ${e.message}`)
  .then((result) => fetch('result', { method: 'POST', body: result }));
