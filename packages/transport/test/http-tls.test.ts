import assert from 'node:assert/strict';
import { Agent, get } from 'node:https';
import { connect } from 'node:tls';
import { test } from 'node:test';
import { TransportError, bytesBody, collect, httpClient, request, serveHttp } from '../src/index.ts';
import type { Certificate } from '../../../tools/certificate.ts';
import { selfSigned } from '../../../tools/certificate.ts';

const server = selfSigned('localhost');
const device = selfSigned('lamp-1');
const stranger = selfSigned('lamp-1');

const serving = (clientCa?: string) =>
  serveHttp(async () => ({ status: 'ok', size: 2, body: bytesBody(new TextEncoder().encode('hi')) }), {
    port: 0,
    tls: { ...server, ...(clientCa === undefined ? {} : { clientCa }) },
    onBug(error) {
      throw error;
    },
  });

async function asked(port: number, shown: Partial<Certificate> = {}, ca = server.cert): Promise<string> {
  const client = httpClient(`https://localhost:${port}`, { ca, ...shown });
  return new TextDecoder().decode(await collect((await client(request('GET', '/'))).body, 100));
}

test('a server with a certificate is reached over TLS by who trusts it, and by nobody else', async () => {
  const { port, url, close } = await serving();
  try {
    assert.match(url, /^https:/);
    assert.equal(await asked(port), 'hi');
    await assert.rejects(asked(port, {}, stranger.cert), TransportError);
  } finally {
    await close(0);
  }
});

test('with an authority for clients, nobody is served without a certificate of it', async () => {
  const { port, close } = await serving(device.cert);
  try {
    assert.equal(await asked(port, device), 'hi');
    await assert.rejects(asked(port), TransportError);
    await assert.rejects(asked(port, stranger), TransportError, 'a certificate of the same name by another');
  } finally {
    await close(0);
  }
});

test('a server shows other certificates, and drops nobody who is connected', async () => {
  const { port, show, close } = await serving();
  const renewed = selfSigned('localhost');
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: server.cert });
  const connected = () =>
    new Promise<{ reused: boolean; status: number | undefined }>((resolve, reject) => {
      const asking = get({ agent, port, host: 'localhost' }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve({ reused: asking.reusedSocket, status: answer.statusCode }));
      });
      asking.on('error', reject);
    });
  try {
    assert.deepEqual(await connected(), { reused: false, status: 200 });
    assert.throws(() => show({ ...renewed, key: server.key }), /mismatch/);
    assert.equal(await asked(port), 'hi', 'what can’t be used has changed nothing');
    show(renewed);
    assert.equal(await asked(port, {}, renewed.cert), 'hi');
    await assert.rejects(asked(port), TransportError);
    assert.deepEqual(await connected(), { reused: true, status: 200 });
  } finally {
    agent.destroy();
    await close(0);
  }
});

test('nothing below TLS 1.2 is spoken', async () => {
  const { port, close } = await serving();
  const speaks = (version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') =>
    new Promise<string | null>((resolve) => {
      const ciphers = 'DEFAULT:@SECLEVEL=0';
      const options = { port, ca: server.cert, servername: 'localhost', ciphers };
      const socket = connect({ ...options, minVersion: version, maxVersion: version }, () => {
        resolve(socket.getProtocol());
        socket.destroy();
      });
      socket.on('error', () => resolve(null));
    });
  try {
    assert.equal(await speaks('TLSv1.3'), 'TLSv1.3');
    assert.equal(await speaks('TLSv1.2'), 'TLSv1.2');
    assert.equal(await speaks('TLSv1.1'), null);
  } finally {
    await close(0);
  }
});
