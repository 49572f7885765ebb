/**
 * Who signs, as it is told on a command line: a key in a file, or a command that holds it elsewhere, such as
 * in a token. The command gets the Sig_structure (RFC 9052 §4.4) on its stdin, or the digest that its
 * algorithm signs, and answers with the signature on its stdout, and nothing else.
 */

import { spawnSync } from 'node:child_process';
import type { SigningKey, VerificationKey } from '@lapel/cose';
import { digest, ecdsaNumbers, isSignatureOf } from '@lapel/cose';
import type { Command } from 'commander';
import { Option } from 'commander';
import { exitCodes } from './exit-codes.ts';
import { CommandFailure } from './failure.ts';
import type { Watching } from './hash-based-key.ts';
import { readSigningKey, readVerificationKey } from './key-files.ts';
import { passphraseIn, askPassphrase } from './passphrase.ts';
import type { Terminal } from './terminal.ts';
import { progressLine } from './terminal.ts';

export interface SignerOptions {
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly signer?: string;
  readonly signerTakes: 'message' | 'digest';
  readonly public?: string;
}

/** Adds the options of whoever signs. */
export const withSigner = (command: Command): Command =>
  command
    .option('--key <file>', 'your private key (PEM, encrypted or not; COSE_Key)')
    .option('--passphrase-file <file>', 'its passphrase (default: asked at the terminal)')
    .option('--signer <command>', 'in place of --key: a command that signs what it gets on stdin')
    .option('--public <file>', 'with --signer: the public key of the one that it signs with')
    .addOption(
      new Option('--signer-takes <what>', 'with --signer: what it gets on stdin')
        .choices(['message', 'digest'])
        .default('message'),
    );

export const signerHelp = `
A key in a token, such as with pkcs11-tool of OpenSC:
  --public author.pub.pem --signer-takes digest \\
  --signer 'pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --login --sign --mechanism ECDSA --id 01'`;

/** @throws {CommandFailure} where nobody is told who signs, or two are. */
export function requireSigner({ key, signer, public: other }: SignerOptions): void {
  const isOne = (key === undefined) !== (signer === undefined);
  if (isOne && (signer === undefined) === (other === undefined)) return;
  const found = key === undefined && signer === undefined ? 'neither' : 'something between them';
  throw usage(`expected --key FILE, or --signer COMMAND with --public FILE, found ${found}`);
}

/** Shows a tree that has to grow before it can sign. */
export const watchingOn = (terminal: Terminal): Watching => ({
  onGrown: (share) => terminal.move(share < 1 ? progressLine(share, 'growing the tree of the key') : ''),
});

/** @param beforeAsking of a person who is asked for a passphrase: so that one knows what for. */
export async function openSigner(
  options: SignerOptions,
  watching: Watching = {},
  beforeAsking: () => void = () => {},
): Promise<SigningKey> {
  requireSigner(options);
  const { key, signer, public: other, passphraseFile } = options;
  if (signer !== undefined && other !== undefined) {
    const held = { file: other, key: await readVerificationKey(other) };
    return commandKey(wordsIn(signer), held, options.signerTakes);
  }
  const passphrase = async (file: string) => {
    if (passphraseFile !== undefined) return passphraseIn(passphraseFile);
    beforeAsking();
    return askPassphrase(file);
  };
  return readSigningKey(key ?? '', { ...watching, passphrase });
}

/** Long enough to look for a token and touch it. */
const signingMsMax = 5 * 60_000;
/** Above the longest signature that is spoken here. */
const answerBytesMax = 100_000;

function commandKey(
  words: readonly string[],
  { file, key }: { readonly file: string; readonly key: VerificationKey },
  takes: SignerOptions['signerTakes'],
): SigningKey {
  const { kind, kid } = key;
  const hash = ({ 'P-256': 'sha-256', 'P-384': 'sha-384' } as const)[kind as 'P-256'];
  if (takes === 'digest' && hash === undefined) {
    throw usage(`expected --signer-takes message for a key of ${kind}, found digest`);
  }
  const sign = (message: Uint8Array) => {
    const answer = ask(words, takes === 'digest' ? digest(hash, message) : message);
    const raw = hash === undefined ? answer : (ecdsaNumbers(answer, hash === 'sha-256' ? 32 : 48) ?? answer);
    if (isOwn(key, message, raw)) return raw;
    const found = `found ${answer.length} bytes that are none`;
    throw failed(`expected a signature of the key in ${file} from ${words[0]}, ${found}`);
  };
  return { use: 'sign', kind, kid, public: key, sign };
}

/** Not every length of bytes is even asked about. */
const isOwn = (key: VerificationKey, message: Uint8Array, signature: Uint8Array): boolean =>
  signature.length > 0 && isSignatureOf(key, message, signature);

/** Its stderr is the person's, who may be asked something there. */
function ask([command = '', ...args]: readonly string[], input: Uint8Array): Uint8Array {
  const { error, status, signal, stdout } = spawnSync(command, args, {
    input,
    stdio: ['pipe', 'pipe', 'inherit'],
    maxBuffer: answerBytesMax,
    timeout: signingMsMax,
  });
  // One that has not read all may still have signed; its answer tells.
  if (error !== undefined && !('code' in error && error.code === 'EPIPE')) {
    throw failed(`expected ${command} to sign, found ${reasonOf(error)}`);
  }
  if (status === 0) return new Uint8Array(stdout);
  throw failed(`expected ${command} to sign, found that it ended with ${signal ?? `exit code ${status}`}`);
}

function reasonOf(error: Error): string {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'no such command';
  if (code === 'EACCES') return 'no permission to run it';
  if (code === 'ETIMEDOUT') return `no answer within ${signingMsMax / 60_000} minutes`;
  if (code === 'ENOBUFS') return `more than ${answerBytesMax} bytes as its answer`;
  throw error;
}

/** Words between spaces; quotes hold some together. There is no shell, so nothing else is special. */
function wordsIn(command: string): readonly string[] {
  const found = [...command.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
    word.replaceAll(/'(?<single>[^']*)'|"(?<double>[^"]*)"/g, (_, single?: string, double?: string) =>
      String(single ?? double),
    ),
  );
  if (found.length > 0 && found[0] !== '') return found;
  throw usage('expected a command in --signer, found none');
}

const usage = (message: string) => new CommandFailure(exitCodes.usage, message);
const failed = (message: string) => new CommandFailure(exitCodes.failed, message);
