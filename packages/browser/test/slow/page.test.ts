/** The page in a real browser, as a person uses it: Debian's Chromium, without a window. */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { makePage } from '../../../../tools/browser-page.ts';
import { missing, vectorPath } from '../vectors.ts';

const chromiumPath = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'chromium'))
  .find((path) => existsSync(path));
const noChromium =
  chromiumPath === undefined ? 'chromium is not here: tools/debian-packages.txt names it' : false;
const skip = noChromium === false ? missing : noChromium;

const examples = 'manifest-spec-37';
const exampleBytes = () => readFileSync(vectorPath(examples, 'example1-signed.suit'));
const trusted = { name: 'author.pem', mimeType: '', path: 'public_key.pem' };

const server = createServer((request, response) => {
  asked.push(request.url ?? '');
  if (request.url !== '/') return void response.writeHead(404).end();
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
});
const asked: string[] = [];
let html = '';
let browser: Browser | undefined;

before(async () => {
  if (skip !== false) return;
  html = await makePage();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  browser = await chromium.launch({
    executablePath: chromiumPath ?? '',
    // Chromium's own sandbox takes rights that containers do not give; the page and all it is given are ours.
    chromiumSandbox: process.getuid?.() !== 0,
  });
});
after(async () => {
  await browser?.close();
  server.close();
});

/** A page of its own, with every mistake that it makes. */
async function open(): Promise<{ readonly page: Page; readonly mistakes: readonly string[] }> {
  assert.ok(browser !== undefined);
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  const mistakes: string[] = [];
  page.on('pageerror', ({ message }) => mistakes.push(message));
  page.on('console', (said) => void (said.type() === 'error' && mistakes.push(said.text())));
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return { page, mistakes };
}

async function give(page: Page, files: readonly { readonly name: string; readonly buffer: Buffer }[]) {
  await page
    .getByLabel('Drop an envelope')
    .setInputFiles(files.map((file) => ({ ...file, mimeType: 'application/octet-stream' })));
  // Files are read in their own time.
  await page.locator('#verdict[aria-busy="false"]').waitFor();
}

const key = () => ({ name: trusted.name, buffer: readFileSync(vectorPath(examples, trusted.path)) });
const verdictIn = async (page: Page) => page.getByRole('status').innerText();

test('S0-31: Chromium authenticates and simulates example 1 of Appendix B', { skip }, async () => {
  const { page, mistakes } = await open();
  await page.getByLabel('Take payloads that I don’t have').check();
  await give(page, [key(), { name: 'example1.suit', buffer: exampleBytes() }]);
  const verdict = await verdictIn(page);
  assert.match(verdict, /^accept, if the payloads are the right ones\n/);
  assert.match(verdict, /Authentic: sequence 1, manifest sha-256 [0-9a-f]{64}/);
  assert.match(verdict, /without having it: http:\/\/example\.com\/file\.bin/);
  const steps = await page.locator('#steps li').allInnerTexts();
  assert.ok(steps.some((step) => /^fetches http:\/\/example\.com\/file\.bin into .*34768 bytes/.test(step)));
  assert.ok(steps.every((step) => !step.startsWith('✗')));
  assert.match(await page.locator('#components').innerText(), /34768 bytes, sha-256 00112233/);
  assert.match(await page.locator('#inspection').innerText(), /manifest-sequence-number|covers the manifest/);
  assert.deepEqual(mistakes, []);
  const shot = process.env['LAPEL_SCREENSHOT'];
  if (shot !== undefined) await page.screenshot({ path: shot, fullPage: true });
  await page.close();
});

test('S0-31: without its payload, example 1 is rejected at run, in Chromium too', { skip }, async () => {
  const { page } = await open();
  await give(page, [key(), { name: 'example1.suit', buffer: exampleBytes() }]);
  assert.match(await verdictIn(page), /^reject at run, /);
  assert.match(await page.locator('#steps li.failed').innerText(), /^✗ fetches http/);
  await page.close();
});

test(
  'S0-31: a payload that is not the image of example 1 is refused, in Chromium too',
  { skip },
  async () => {
    const { page } = await open();
    const payload = { name: 'file.bin', buffer: Buffer.alloc(34_768) };
    await page.getByLabel('Take payloads that I don’t have').check();
    await give(page, [key(), payload, { name: 'example1.suit', buffer: exampleBytes() }]);
    assert.match(await verdictIn(page), /^reject at run, condition-failed/);
    await page.close();
  },
);

test('S0-31: a tampered example 1 is refused at auth, and under another key too', { skip }, async () => {
  const { page, mistakes } = await open();
  const bytes = exampleBytes();
  const signature = Buffer.from(bytes);
  // The signature ends where the manifest's key begins (§8.2): 3, then a byte string.
  const at = bytes.indexOf(Buffer.from([0x03, 0x58])) - 1;
  signature[at]! ^= 1;
  await give(page, [key(), { name: 'tampered.suit', buffer: signature }]);
  assert.match(await verdictIn(page), /^reject at auth, unauthorised/);
  assert.equal(await page.locator('#story').isVisible(), false);
  const manifest = Buffer.from(bytes);
  manifest[manifest.length - 1]! ^= 1;
  await give(page, [{ name: 'tampered.suit', buffer: manifest }]);
  assert.match(await verdictIn(page), /^reject at auth, /);
  await page.getByLabel('Keys that the device trusts').fill('61'.repeat(32));
  await give(page, [{ name: 'tampered.suit', buffer: bytes }]);
  assert.match(await verdictIn(page), /^reject at auth, unauthorised/);
  assert.deepEqual(mistakes, []);
  await page.close();
});

test('S0-31: what can’t be used is named: no envelope, no key, no device', { skip }, async () => {
  const { page, mistakes } = await open();
  await page.getByRole('button', { name: 'Try it' }).click();
  assert.match(await verdictIn(page), /expected an envelope, found none/);
  await give(page, [key(), { name: 'example1.suit', buffer: exampleBytes() }]);
  await page.getByLabel('The device, in JSON').fill('{"vendor": ');
  await page.getByRole('button', { name: 'Try it' }).click();
  assert.match(await verdictIn(page), /^The device: expected JSON, found a mistake/);
  await page.getByLabel('The device, in JSON').fill('');
  await page.getByLabel('Keys that the device trusts').fill('no key');
  await page.getByRole('button', { name: 'Try it' }).click();
  assert.match(await verdictIn(page), /^A key: expected a key in PEM/);
  await give(page, [{ name: 'noise.suit', buffer: Buffer.from('<img src=x onerror=alert(1)>') }]);
  await page.getByLabel('Keys that the device trusts').fill('61'.repeat(32));
  await page.getByRole('button', { name: 'Try it' }).click();
  assert.match(await verdictIn(page), /^reject at parse, cbor-parse/);
  assert.deepEqual(mistakes, []);
  await page.close();
});

test('S0-31: the page asks for nothing but itself, and its policy forbids it to', { skip }, async () => {
  const { page } = await open();
  asked.length = 0;
  const failure = await page.evaluate(async () => {
    const { message } = await fetch('/elsewhere').then(
      () => new Error('none'),
      (error: unknown) => error as Error,
    );
    return message;
  });
  assert.notEqual(failure, 'none');
  await give(page, [key(), { name: 'example1.suit', buffer: exampleBytes() }]);
  assert.match(await verdictIn(page), /^reject at run/);
  assert.deepEqual(asked, []);
  await page.close();
});

test('S0-31: the page works from a disk, without a network', { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lapel-page-'));
  try {
    const path = join(folder, 'lapel.html');
    writeFileSync(path, html);
    assert.ok(browser !== undefined);
    const context = await browser.newContext({ offline: true, colorScheme: 'dark' });
    const page = await context.newPage();
    await page.goto(pathToFileURL(path).href);
    await page.getByLabel('Take payloads that I don’t have').check();
    await give(page, [key(), { name: 'example1.suit', buffer: exampleBytes() }]);
    assert.match(await verdictIn(page), /^accept, if/);
    const shot = process.env['LAPEL_SCREENSHOT'];
    if (shot !== undefined) await page.screenshot({ path: `${shot}-dark.png` });
    await context.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
