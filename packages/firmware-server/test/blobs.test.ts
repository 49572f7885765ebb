import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileBlobs, memoryBlobs } from '@lapel/firmware-server';
import { bytesBody } from '@lapel/transport';
import { inChunks, pattern, readAll, sha256, testBlobs, utf8 } from './blobs-suite.ts';

testBlobs('memory', async (_, options) => memoryBlobs(options));
testBlobs('files', async (context, options) => fileBlobs(await folderOf(context), options));

async function folderOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-blobs-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const limitBytes = 64 * 1024 * 1024;

test('§6: a blob is a file named by its digest, there again after a restart', async (context) => {
  const folder = await folderOf(context);
  const { digest } = await (await fileBlobs(folder, { limitBytes })).put(bytesBody(utf8('lamp')));
  assert.deepEqual(await readdir(join(folder, 'sha256', digest.slice(0, 2))), [digest.slice(2)]);
  const again = await fileBlobs(folder, { limitBytes: 5 });
  assert.deepEqual(await readAll(again, digest), utf8('lamp'));
  // What was there before counts: of five bytes, one is left.
  await assert.rejects(again.put(bytesBody(utf8('xy'))), { code: 'storage-full' });
  await again.put(bytesBody(utf8('x')));
});

test('what a crash left half written is swept away at the next start', async (context) => {
  const folder = await folderOf(context);
  await fileBlobs(folder, { limitBytes });
  await writeFile(join(folder, 'incoming', 'ab12.partial'), 'half');
  await fileBlobs(folder, { limitBytes });
  assert.deepEqual(await readdir(join(folder, 'incoming')), []);
});

test('a refused upload leaves no file behind', async (context) => {
  const folder = await folderOf(context);
  const blobs = await fileBlobs(folder, { limitBytes: 1000 });
  await assert.rejects(blobs.put(bytesBody(utf8('lump')), sha256(utf8('lamp'))));
  await assert.rejects(blobs.put(inChunks(pattern(2000), 100)));
  assert.deepEqual(await readdir(join(folder, 'incoming')), []);
  assert.deepEqual(await readdir(join(folder, 'sha256')), []);
});

test('a process killed in the middle of an upload leaves what was there, and no more', async (context) => {
  const folder = await folderOf(context);
  const { digest } = await (await fileBlobs(folder, { limitBytes })).put(bytesBody(utf8('lamp')));
  const program = `
    import { fileBlobs } from '@lapel/firmware-server';
    const blobs = await fileBlobs(process.argv[1], { limitBytes: 1e9 });
    async function* endless() {
      for (let sent = 0; ; sent++) {
        if (sent === 20) process.stdout.write('writing');
        yield new Uint8Array(65_536);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await blobs.put(endless());`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, folder], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal((await readdir(join(folder, 'incoming'))).length, 1);
  const again = await fileBlobs(folder, { limitBytes });
  assert.deepEqual(await readdir(join(folder, 'incoming')), []);
  assert.deepEqual(await readdir(join(folder, 'sha256')), [digest.slice(0, 2)]);
  assert.deepEqual(await readAll(again, digest), utf8('lamp'));
});

test('a file that the system allows no longer is told of as a full storage', async (context) => {
  if (process.platform === 'win32') return context.skip('Windows has no limit of file sizes per process');
  const folder = await folderOf(context);
  const program = `
    import { fileBlobs } from '@lapel/firmware-server';
    const blobs = await fileBlobs(process.argv[1], { limitBytes: 1e9 });
    async function* large() {
      for (let sent = 0; sent < 100; sent++) yield new Uint8Array(65_536);
    }
    await blobs.put(large()).catch((error) => process.stdout.write(error.code + ': ' + error.detail));`;
  // In blocks of 512 bytes or of a kibibyte, depending on the shell: both are less than what is written.
  const limited = `ulimit -f 1024 && exec '${process.execPath}' --input-type=module --eval "$1" "$2"`;
  const said = execFileSync('sh', ['-c', limited, 'sh', program, folder], { cwd: import.meta.dirname });
  assert.equal(said.toString(), 'storage-full: expected room on the disk, found the storage full');
  assert.deepEqual(await readdir(join(folder, 'incoming')), []);
});

test('a disk that is really full refuses with a clear problem, and keeps what it has', async (context) => {
  if (process.getuid?.() !== 0) return context.skip('only root can mount a small disk');
  const folder = await smallDisk(context);
  if (folder === undefined) return context.skip('this machine lets nobody mount a small disk');
  const blobs = await fileBlobs(folder, { limitBytes });
  const { digest } = await blobs.put(bytesBody(utf8('lamp')));
  await assert.rejects(blobs.put(inChunks(pattern(4_000_000), 65_536)), {
    name: 'Problem',
    code: 'storage-full',
    detail: 'expected room on the disk, found the storage full',
  });
  assert.deepEqual(await readdir(join(folder, 'incoming')), []);
  assert.deepEqual(await readAll(blobs, digest), utf8('lamp'));
  await blobs.put(bytesBody(pattern(500_000)));
});

/** A disk of one mebibyte, or undefined where none can be mounted. */
async function smallDisk(context: TestContext): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'lapel-disk-'));
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
  context.after(async () => {
    if (mount.status === 0) execFileSync('umount', [folder]);
    await rm(folder, { recursive: true });
  });
  return mount.status === 0 ? folder : undefined;
}
