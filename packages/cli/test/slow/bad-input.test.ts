/**
 * Every command, and whatever may be wrong with a file that it is given: a clear message, the right exit
 * code, and nothing written. A row is a command line; `{role}` is a file that plays it, one of which is bad
 * at a time.
 */

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createSqliteStore } from '@lapel/status-tracker';

const lapel = join(import.meta.dirname, '../../bin/lapel.mjs');

/** What nobody can read, and what is no file, a file, or none, in which nobody can write. */
const unreadable = { 'missing.file': 1, folder: 1, 'huge.file': 1 };
const noKey = { ...unreadable, 'empty.file': 1, 'text.file': 1 };
const noEnvelope = { ...unreadable, 'empty.file': 6, 'cut.suit': 6, 'text.file': 6 };
const noFlash = { ...unreadable, 'empty.file': 1, 'text.file': 1, 'cut.flash': 1 };
const unwritable = { 'nowhere/out.file': 1, folder: 1, 'lamp.bin/out.file': 1 };

/** What plays each role well, and what plays it badly: with the exit code that the command must end with. */
const roles: Readonly<Record<string, readonly [good: string, bad: Readonly<Record<string, number>>]>> = {
  envelope: ['lamp.suit', noEnvelope],
  unsigned: ['unsigned.suit', noEnvelope],
  severable: ['severable.suit', noEnvelope],
  waiting: ['waiting.suit', noEnvelope],
  hub: ['hub.suit', noEnvelope],
  report: ['lamp.suit', noEnvelope],
  private: ['author.pem', { ...noKey, 'author.pub.pem': 1, 'secret.mac': 1 }],
  public: ['author.pub.pem', { ...noKey, 'device.key': 1 }],
  secret: ['secret.mac', { ...noKey, 'author.pem': 1 }],
  recipient: ['device.key', { ...noKey, 'secret.mac': 1 }],
  signer: ['true', { 'missing.file': 1, false: 1, true: 1 }],
  passphrase: ['text.file', { ...unreadable, 'empty.file': 1 }],
  token: ['token', { ...unreadable, 'empty.file': 1, 'lamp.bin': 1 }],
  description: ['lamp.yaml', { ...unreadable, 'empty.file': 1, 'text.file': 1 }],
  strategy: ['strategy.yaml', { ...unreadable, 'text.file': 1, 'list.json': 1 }],
  webhook: ['webhook.secret', { ...unreadable, 'empty.file': 1, 'text.file': 1, token: 1 }],
  device: ['device.json', { ...unreadable, 'empty.file': 1, 'text.file': 1, 'list.json': 1 }],
  payload: ['lamp.bin', unreadable],
  // A folder is one to look into.
  place: ['lamp.bin', { 'missing.file': 1, 'huge.file': 1, 'text.file': 1 }],
  stick: ['folder', { 'missing.file': 1, 'text.file': 1 }],
  served: ['lamp.bin', { 'missing.file': 1 }],
  flash: ['lamp.flash', noFlash],
  dead: ['dead.flash', noFlash],
  counter: ['lamp.counter', { ...unreadable, 'empty.file': 1, 'text.file': 1 }],
  certificate: ['acme.pem', { ...unreadable, 'empty.file': 1, 'text.file': 1, 'author.pub.pem': 1 }],
  shared: ['lamp.oscore', { ...noKey, 'author.pem': 1 }],
  enrolment: ['line.token', { ...unreadable, 'empty.file': 1, 'text.file': 1, token: 1 }],
  backup: ['fleet.backup', { ...noEnvelope, 'huge.file': 6 }],
  out: ['out.file', unwritable],
  new: ['new.file', { ...unwritable, folder: 4, 'text.file': 4 }],
  further: ['new.counter', { ...unwritable, folder: 4, 'text.file': 4 }],
};

const order = '--vendor lapel.example --class lamp --key {private} -o {out}';
const server = '--token-file {token}';
const factory = '--id lamp-2 --trust {public} --tracker {public} --firmware {envelope} --image {payload}';
const commands: readonly string[] = [
  'keygen {new} --passphrase-file {passphrase}',
  'init --vendor lapel.example --class lamp --image lamp.bin -o {new}',
  'create {description} -o {out}',
  'create --template single -o {new}',
  'create --schema -o {out}',
  'sign {unsigned} --key {private} -o {out}',
  'sign {unsigned} --signer {signer} --public {public}',
  'mac {envelope} --secret {secret} -o {out}',
  'encrypt {payload} --for {recipient} -o {out}',
  'sever {severable} -o {out}',
  'add-payload {waiting} {payload} --uri #lamp.bin -o {out}',
  'add-dependency {hub} {envelope} --uri #lamp.suit -o {out}',
  'inspect {envelope}',
  'verify {envelope} --trust {public}',
  'lint {envelope}',
  'simulate {envelope} --device {device} --trust {public} --payload {served} --decrypt {private}',
  'debug {envelope} --device {device} --trust {public} --payload {served}',
  'diff {envelope} {envelope}',
  `trust add {private} ${order}`,
  `trust succeed {private} ${order}`,
  `trust retire {public} ${order}`,
  `trust revoke {public} ${order}`,
  'trust show {envelope}',
  `publish {envelope} --payload {place} ${server}`,
  `release {envelope} ${server}`,
  `campaign start --release {envelope} --key {private} ${server}`,
  `campaign start --release {envelope} --through {envelope} --key {private} ${server}`,
  `campaign clone lamp --release {envelope} --key {private} ${server}`,
  `campaign list ${server}`,
  `newest tell --release {envelope} --key {private} ${server}`,
  `newest list ${server}`,
  `campaign status lamp ${server}`,
  `campaign patched lamp ${server}`,
  ...['pause', 'resume', 'abort', 'retry', 'approve'].map(
    (name) => `campaign ${name} lamp --key {private} ${server}`,
  ),
  'report {report} --trust {public} --manifest {envelope}',
  `log list ${server}`,
  `log verify --tracker-key {public} --includes {envelope} ${server}`,
  `audit list ${server}`,
  `audit verify ${server}`,
  `carry out lamp --to stick ${server}`,
  'carry back --from {stick}',
  `devices list ${server}`,
  `devices show lamp ${server}`,
  `devices approve lamp ${server}`,
  `devices add lamp --key {public} --vendor lapel.example --class lamp --oscore {shared} ${server}`,
  `devices refuse lamp ${server}`,
  `devices freeze lamp --because stolen ${server}`,
  `devices retire lamp --because stolen ${server}`,
  `devices tag lamp --set site=berlin ${server}`,
  `enrol manufacturer add acme --certificate {certificate} --vendor lapel.example --class lamp ${server}`,
  `enrol manufacturer list ${server}`,
  `enrol manufacturer revoke acme 0a01 ${server}`,
  `enrol manufacturer remove acme ${server}`,
  `enrol token make line --vendor lapel.example --class lamp -o {new} ${server}`,
  `enrol token list ${server}`,
  `enrol token revoke line ${server}`,
  'serve --author {public} --operator {public} --strategy {strategy} --data data --port 0',
  'serve --webhook https://127.0.0.1:9 --webhook-secret {webhook} --data data --port 0',
  'gateway --upstream coap://127.0.0.1:9 --upstream-oscore {shared} --data data --port 0',
  'gateway --upstream http://127.0.0.1:9 --ca {certificate} --data data --port 0',
  'migrate --from sqlite:nowhere --to postgres://lapel@127.0.0.1:9/fleet --password-file {passphrase}',
  'backup --data fleet -o {out}',
  'restore {backup} --data new.folder',
  `device make {new} ${factory} --counter {further}`,
  `device make new.file ${factory} --decryption-key {recipient} --oscore {further}`,
  'device run {flash} --counter {counter} --enrolment-token {enrolment} --certificate {certificate}',
  'device core {flash} --line tcp:127.0.0.1:9 --counter {counter}',
  'device lwm2m {flash} --server coap://127.0.0.1:9 --counter {counter}',
  'device show {flash} --counter {counter}',
  'device bring {flash} --envelope {envelope} --payload {place} --counter {counter}',
  'device bring {flash} --stick {stick}',
  'device recover {dead} --envelope {envelope} --image {payload} --counter {counter}',
];

/** Names no file. */
const withoutFiles = ['completion', 'communicator'];

const folder = mkdtempSync(join(tmpdir(), 'lapel-bad-input-'));
after(() => rmSync(folder, { recursive: true }));

before(async () => {
  const at = (name: string) => join(folder, name);
  const made = (...args: readonly string[]) =>
    execFileSync(process.execPath, [lapel, '--quiet', ...args], { cwd: folder, stdio: 'ignore' });
  writeFileSync(at('lamp.bin'), 'a firmware image for a lamp\n');
  writeFileSync(at('text.file'), 'nothing that anybody wants\n');
  writeFileSync(at('token'), 'c2VjcmV0\n');
  writeFileSync(at('line.token'), `${'5a'.repeat(32)}\n`);
  const script = readFileSync(join(import.meta.dirname, 'scripts/enrol.txt'), 'utf8');
  writeFileSync(at('acme.pem'), /^-----BEGIN[^]*END CERTIFICATE-----$/m.exec(script)![0]);
  writeFileSync(at('list.json'), '[]');
  writeFileSync(at('strategy.yaml'), 'server-initiated: { load-max: 20% }\n');
  writeFileSync(at('webhook.secret'), `whsec_${Buffer.alloc(32).toString('base64')}\n`);
  const held = { vendor: 'lapel.example', class: 'lamp', components: { main: '' } };
  writeFileSync(at('device.json'), JSON.stringify(held));
  mkdirSync(at('folder'));
  mkdirSync(at('fleet'));
  await createSqliteStore({ path: at('fleet/tracker.sqlite'), tenant: 'default' }).close();
  for (const [name, bytes] of [
    ['empty.file', 0],
    ['huge.file', 5 * 2 ** 30],
  ] as const) {
    writeFileSync(at(name), '');
    truncateSync(at(name), bytes);
  }
  made('keygen', 'author.pem');
  made('keygen', 'secret.mac', '--algorithm', 'HMAC-256');
  made('keygen', 'device.key', '--algorithm', 'A128KW');
  for (const [name, ...more] of [
    ['lamp', 'component: main', 'bootable: true'],
    ['unsigned', 'component: main'],
    ['severable', 'component: main', 'severable: [text, install]'],
    ['waiting', 'component: main', "uri: '#lamp.bin'"],
    ['hub', 'component: hub', "dependencies: [{ id: lamp, envelope: lamp.suit, uri: '#lamp.suit' }]"],
  ] as const) {
    const text = ['sequence: 1', 'vendor: lapel.example', 'class: lamp', 'image: lamp.bin', 'version: 1.0.0'];
    writeFileSync(at(`${name}.yaml`), [...text, ...more, ''].join('\n'));
    made('create', `${name}.yaml`);
    if (name !== 'unsigned') made('sign', `${name}.suit`, '--key', 'author.pem');
  }
  const first = ['--firmware', 'lamp.suit', '--image', 'lamp.bin', '--confirm-by', 'self-test'];
  const whom = '--id lamp --trust author.pub.pem --counter lamp.counter --oscore lamp.oscore'.split(' ');
  made('device', 'make', 'lamp.flash', ...whom, ...first);
  for (const [name, from] of [
    ['cut.suit', 'lamp.suit'],
    ['cut.flash', 'lamp.flash'],
  ] as const) {
    copyFileSync(at(from), at(name));
    truncateSync(at(name), Math.floor(statSync(at(from)).size / 2));
  }
  // One bit of its only image flips.
  const flash = readFileSync(at('lamp.flash'));
  const image = flash.indexOf(readFileSync(at('lamp.bin')));
  flash[image] = flash[image]! ^ 1;
  writeFileSync(at('dead.flash'), flash);
});

test('S4-91: every command is held against files with something wrong', () => {
  const script = execFileSync(process.execPath, [lapel, 'completion', 'bash'], { encoding: 'utf8' });
  const places = [...script.matchAll(/^ {6}' (?<path>[^']+)'\) place=/gm)].map(
    ({ groups }) => groups!['path']!,
  );
  const isGroup = (path: string) => places.some((other) => other.startsWith(`${path} `));
  const asked = (path: string) =>
    [...commands, ...withoutFiles].some((row) => `${row} `.startsWith(`${path} `));
  assert.deepEqual(
    places.filter((path) => !isGroup(path) && !asked(path)),
    [],
  );
});

interface Case {
  readonly line: string;
  readonly bad: string;
  readonly exit: number;
}

/** Each command line with one of its files played badly. */
function casesOf(row: string): readonly Case[] {
  const played = [...row.matchAll(/\{(?<role>\w+)\}/g)];
  const good = (text: string) => text.replaceAll(/\{(?<role>\w+)\}/g, (_, role: string) => roles[role]![0]);
  return played.flatMap(({ index, 0: { length }, groups }) =>
    Object.entries(roles[groups!['role']!]![1]).map(([bad, exit]) => ({
      line: `${good(row.slice(0, index))}${bad}${good(row.slice(index + length))}`,
      bad,
      exit,
    })),
  );
}

const listing = (): string =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const found = statSync(join(folder, name));
      const isSmall = found.isFile() && found.size < 2 ** 20;
      return `${name} ${isSmall ? readFileSync(join(folder, name), 'base64') : found.size}`;
    })
    .join('\n');

const run = (
  line: string,
): Promise<{ readonly exit: unknown; readonly stdout: string; readonly stderr: string }> =>
  new Promise((resolve) => {
    const environment = { PATH: process.env['PATH'], LAPEL_SERVER: 'http://127.0.0.1:9' };
    execFile(
      process.execPath,
      [lapel, ...line.split(' ')],
      { cwd: folder, env: environment, timeout: 60_000 },
      (error, stdout, stderr) =>
        resolve({ exit: error === null ? 0 : (error.signal ?? error.code), stdout, stderr }),
    ).stdin?.end();
  });

/** Each row tries a fifth of its cases, the next one other kinds; all of them where this is set. */
const share = process.env['LAPEL_ALL_CASES'] === undefined ? 5 : 1;

for (const [number, row] of commands.entries()) {
  test(`S4-91: whatever is wrong with a file is told by lapel ${row}`, async (context) => {
    const found: string[] = [];
    const wrong = async ({ line, bad, exit }: Case) => {
      const ended = await run(line);
      const isClear =
        /^lapel: (?:.* )?expected [^]*found [^]*$/m.test(ended.stderr) && !/^ {4}at /m.test(ended.stderr);
      const isNamed = `${ended.stdout}${ended.stderr}`.includes(bad.split('/')[0]!);
      if (ended.exit === exit && isClear && isNamed) return;
      found.push(`lapel ${line}\n(exit ${String(ended.exit)}, expected ${exit}) ${ended.stderr}`);
    };
    const cases = casesOf(row).filter((_, place) => (place + number) % share === 0);
    context.diagnostic(`${cases.length} of ${casesOf(row).length} cases`);
    const was = listing();
    const workers = Array.from({ length: availableParallelism() }, async () => {
      for (let next = cases.pop(); next !== undefined; next = cases.pop()) await wrong(next);
    });
    await Promise.all(workers);
    assert.equal(found.join('\n'), '');
    assert.equal(listing(), was, 'expected nothing written');
  });
}
