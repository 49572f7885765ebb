import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTerminal, progressLine } from 'lapel';

/** A terminal over streams that remember what was written. */
function recorded(isTTY: boolean, columns: number, environment: Readonly<Record<string, string>> = {}) {
  const written = { out: '', err: '' };
  const stream = (name: 'out' | 'err') => ({
    isTTY,
    columns,
    write: (text: Uint8Array | string) => {
      written[name] += String(text);
      return true;
    },
  });
  const terminal = createTerminal({ stdout: stream('out'), stderr: stream('err'), environment });
  return { terminal, written };
}

const escape = '\u001b[';

test('design §13: colour is for a terminal, and never against NO_COLOR', () => {
  const coloured = (isTTY: boolean, environment: Readonly<Record<string, string>> = {}) => {
    const { terminal, written } = recorded(isTTY, 80, environment);
    terminal.facts([['name', 'value']]);
    terminal.error('no');
    return `${written.out}${written.err}`.includes(escape);
  };
  assert.equal(coloured(true), true);
  assert.equal(coloured(false), false);
  assert.equal(coloured(true, { NO_COLOR: '1' }), false);
  assert.equal(coloured(true, { TERM: 'dumb' }), false);
});

test('a table fits the width of a terminal, and is whole in a pipe', () => {
  const rows = [['lamp-1', 'x'.repeat(60), 'idle']];
  const shown = (isTTY: boolean) => {
    const { terminal, written } = recorded(isTTY, 40, { NO_COLOR: '1' });
    terminal.table(['DEVICE', 'CLASS', 'STATE'], rows);
    return written.out.trimEnd().split('\n');
  };
  const [heading, line = ''] = shown(true);
  assert.match(heading ?? '', /^DEVICE +CLASS +STATE$/);
  assert.equal(line.length, 39);
  assert.match(line, /^lamp-1 {2}x+… {2}idle$/);
  assert.match(shown(false)[1] ?? '', /x{60}/);
});

test('where a terminal is narrow, what is told goes on below itself, and a digest stays whole', () => {
  const digest = 'a'.repeat(64);
  const shown = (isTTY: boolean, environment: Readonly<Record<string, string>> = {}) => {
    const { terminal, written } = recorded(isTTY, 80, { NO_COLOR: '1', ...environment });
    terminal.facts([['manifest', `sha-256 ${digest}, which is the one that was signed`]]);
    return written.out;
  };
  assert.equal(shown(false), `manifest  sha-256 ${digest}, which is the one that was signed\n`);
  const below = `manifest  sha-256\n          ${digest},\n          which is the one that was signed\n`;
  assert.equal(shown(true), below);
  assert.ok(shown(true, { COLUMNS: '40' }).split('\n').length > shown(true).split('\n').length);
  assert.equal(shown(false, { COLUMNS: '40' }), shown(false));
});

test('progress moves on a terminal only, and leaves nothing behind', () => {
  const { terminal, written } = recorded(true, 80);
  terminal.move(progressLine(0.5, 'half'));
  assert.match(written.err, /50 % {2}half$/);
  terminal.note('done');
  assert.ok(written.err.endsWith(`\r${escape}2Kdone\n`));
  const pipe = recorded(false, 80);
  pipe.terminal.move(progressLine(0.5, 'half'));
  assert.equal(pipe.written.err, '');
});

test('--quiet keeps notes and motion back, not results and errors', () => {
  const { terminal, written } = recorded(true, 80, { NO_COLOR: '1' });
  terminal.quiet = true;
  terminal.note('by the way');
  terminal.move('moving');
  terminal.result('this');
  terminal.error('that');
  assert.deepEqual(written, { out: 'this\n', err: 'lapel: that\n' });
});

test('design §12.8: a name from a server can’t steer the terminal', () => {
  const { terminal, written } = recorded(true, 80, { NO_COLOR: '1' });
  terminal.table(['DEVICE'], [['\u001b[2Jlamp\n\u202e']]);
  terminal.facts([['device', '\u001b[2Jlamp\n']]);
  for (const steering of ['\u001b', '\u202e']) assert.ok(!written.out.includes(steering));
});
