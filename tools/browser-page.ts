/**
 * Lapel for browsers, made in memory: modules of the house in one script, with the browser's crypto provider
 * in the place of Node's. It fails where anything of Node is left.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build, type OutputChunk, type Plugin } from 'rolldown';
import { house, read } from './house.ts';

const room = join(house, 'packages/browser/src');
const provider = {
  node: join(house, 'packages/cose/src/crypto.ts'),
  browser: join(room, 'crypto.ts'),
};

/** @throws {Error} where something that only Node has is left, with who wants it. */
export async function bundle(entry: string): Promise<string> {
  const { output } = await build({
    input: entry,
    cwd: house,
    write: false,
    platform: 'browser',
    external: /^node:/,
    treeshake: { moduleSideEffects: false },
    plugins: [replaceProvider],
    output: { format: 'esm', minify: true, codeSplitting: false },
    logLevel: 'silent',
  });
  const [script] = output;
  requireNoNode(script);
  return script.code;
}

function requireNoNode({ imports, dynamicImports, code, modules }: OutputChunk): void {
  const left = [...imports, ...dynamicImports];
  if (left.length > 0) {
    const among = Object.keys(modules).filter((path) => /from 'node:/.test(readFileSync(path, 'utf8')));
    const wanted = among.map((path) => relative(house, path)).join(', ');
    throw new Error(`expected nothing that only Node has, found ${left.join(', ')}, wanted by ${wanted}`);
  }
  const found = /.{0,60}\b(Buffer|process)\.\w.{0,30}/.exec(code)?.[0];
  if (found !== undefined) throw new Error(`expected nothing that only Node has, found '${found}'`);
}

/** By the file itself, so that who imports it does not matter. */
const replaceProvider: Plugin = {
  name: 'the crypto provider',
  async resolveId(source, importer, options) {
    if (source.startsWith('node:')) return undefined;
    const found = await this.resolve(source, importer, { ...options, skipSelf: true });
    return found?.id === provider.node ? { ...found, id: provider.browser } : found;
  },
};

/** The page, whole in one file: it needs no server, and may ask for nothing. */
export async function makePage(): Promise<string> {
  const script = await bundle(join(room, 'page-main.ts'));
  const style = read('packages/browser/src/page.css');
  const policy = [
    "default-src 'none'",
    `script-src '${integrity(script)}'`,
    `style-src '${integrity(style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return read('packages/browser/src/page.html')
    .replace('<!-- policy -->', () => `<meta http-equiv="Content-Security-Policy" content="${policy}" />`)
    .replace('<!-- style -->', () => `<style>${style}</style>`)
    .replace('<!-- script -->', () => `<script type="module">${script}</script>`);
}

const integrity = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`;
