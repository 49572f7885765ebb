/**
 * `lapel keygen`: a key pair for an author, an operator or a device; or a secret with which an author
 * encrypts for a device. What is private never leaves its file.
 */

import { hex } from '@lapel/cbor';
import type { KeyKind, SigningKey } from '@lapel/cose';
import { agreementAlgorithms, generateHssSecret, generateSigningKey, keyKinds, keyToPem } from '@lapel/cose';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { exitCodes } from '../exit-codes.ts';
import { CommandFailure } from '../failure.ts';
import { removedOnSignal, writeNewFile } from '../files.ts';
import {
  beginHashBasedKey,
  hashBasedKeyText,
  isBeside,
  ledgerOf,
  levelsByLeaves,
} from '../hash-based-key.ts';
import { askNewPassphrase, passphraseIn } from '../passphrase.ts';
import { generateSecret, requireNew, secrets } from '../secret-key.ts';
import type { Terminal } from '../terminal.ts';
import { progressLine } from '../terminal.ts';

const kindsByAlgorithm = new Map(
  Object.entries(keyKinds).map(([kind, { algorithm }]) => [algorithm as string, kind as KeyKind]),
);
const hashBased = 'HSS-LMS';
/** A pair on P-256 that agrees instead of signing (suit-mti): in nothing else another key. */
const agreements = Object.keys(agreementAlgorithms).slice(0, 1);
const algorithms = [...kindsByAlgorithm.keys(), hashBased, ...agreements, ...secrets];
const leavesIfUnsaid = '1024';

interface Options {
  readonly algorithm: string;
  readonly leaves?: string;
  readonly mark?: string;
  readonly encrypt?: boolean;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

export function addTo(program: Command, terminal: Terminal): void {
  program
    .command('keygen')
    .description(
      'Makes a key pair: the private key in FILE, which only you can read, the public one beside it. ' +
        'For key wrap it makes one secret, which the author and one device share; for OSCORE one that a ' +
        'gateway and its server share.',
    )
    .argument('<file>', 'where to write the private key, such as author.pem')
    .addOption(
      new Option('--algorithm <name>', 'what the key signs with, or what it is encrypted for with')
        .choices(algorithms)
        .default('ESP256')
        .argParser(algorithmNamed),
    )
    .addOption(
      new Option(
        '--leaves <number>',
        `HSS-LMS: signatures that the key can make (${leavesIfUnsaid})`,
      ).choices([...levelsByLeaves.keys()]),
    )
    .option('--mark <file>', 'HSS-LMS: on another medium, what tells that an older ledger was put back')
    .option('--encrypt', 'encrypt the private key; asks for a passphrase')
    .option('--passphrase-file <file>', 'encrypt it, with the first line of this file')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action((file: string, options: Options) => keygen(file, options, terminal));
}

/** As people write it, too: hss-lms. */
function algorithmNamed(name: string): string {
  const found = algorithms.find((each) => each.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found;
  throw new InvalidArgumentError(`Allowed choices are ${algorithms.join(', ')}.`);
}

const examples = `
Examples:
  lapel keygen author.pem                          makes author.pem and author.pub.pem
  lapel keygen operator.pem --algorithm Ed25519
  lapel keygen lamp-1.key --algorithm A128KW       a secret of one device, for encryptFor
  lapel keygen cellar.oscore --algorithm OSCORE    for gateway --upstream-oscore, and its server
  lapel keygen author.pem --algorithm hss-lms --mark /media/usb/author.mark
                                                   and author.leaves: what it has spent`;

async function keygen(file: string, options: Options, terminal: Terminal): Promise<void> {
  const { algorithm, mark } = options;
  const isHashBased = algorithm === hashBased;
  if (!isHashBased && (mark ?? options.leaves) !== undefined) {
    const message = `expected --leaves and --mark with --algorithm ${hashBased} only, found ${algorithm}`;
    throw new CommandFailure(exitCodes.usage, message);
  }
  const secret = secrets.find((each) => each === algorithm);
  if (isHidden(options) && (isHashBased || secret !== undefined)) {
    const message = `expected --encrypt and --passphrase-file with a key in PEM only, found ${algorithm}`;
    throw new CommandFailure(exitCodes.usage, message);
  }
  if (secret !== undefined) return generateSecret(file, secret, options.json === true, terminal);
  const publicFile = `${file.replace(/\.pem$/, '')}.pub.pem`;
  const ledger = ledgerOf(file);
  const further = isHashBased ? [ledger, ...(mark === undefined ? [] : [mark])] : [];
  requireNew(file, publicFile, ...further);
  const make = isHashBased ? growKey(file, options, terminal) : await drawKey(file, options);
  const forget = removedOnSignal(file, publicFile, ...further, `${ledger}.lock`);
  const key = await make();
  await writeNewFile(publicFile, keyToPem(key.public), 0o644);
  forget();
  tell({ file, publicFile, kid: hex(key.kid) }, options, terminal);
}

const isHidden = ({ encrypt, passphraseFile }: Options): boolean =>
  encrypt === true || passphraseFile !== undefined;

async function passphraseFor(file: string, options: Options): Promise<string | undefined> {
  const { passphraseFile } = options;
  if (passphraseFile !== undefined) return passphraseIn(passphraseFile);
  return isHidden(options) ? askNewPassphrase(file) : undefined;
}

/** What writes a key that was drawn. */
type WriteKey = () => Promise<SigningKey>;

async function drawKey(file: string, options: Options): Promise<WriteKey> {
  const key = generateSigningKey(kindsByAlgorithm.get(options.algorithm) ?? 'P-256');
  const text = keyToPem(key, await passphraseFor(file, options));
  return async () => {
    await writeNewFile(file, text, 0o600);
    return key;
  };
}

/** Nothing is written before it has grown, so it may be broken off at any time. */
function growKey(file: string, { leaves = leavesIfUnsaid, mark }: Options, terminal: Terminal): WriteKey {
  const levels = levelsByLeaves.get(leaves) ?? [];
  const height = levels[0]?.height ?? 0;
  if (height > 10) terminal.note(`Growing a tree of ${2 ** height} leaves takes a minute or more.`);
  const secret = generateHssSecret(levels, (share) =>
    terminal.move(progressLine(share, `a tree of ${2 ** height} leaves`)),
  );
  terminal.move('');
  return async () => {
    await writeNewFile(file, hashBasedKeyText(secret, mark), 0o600);
    return beginHashBasedKey(file, secret, mark);
  };
}

interface Made {
  readonly file: string;
  readonly publicFile: string;
  readonly kid: string;
}

function tell({ file, publicFile, kid }: Made, options: Options, terminal: Terminal): void {
  const { algorithm, leaves = leavesIfUnsaid, mark, json } = options;
  const isHashBased = algorithm === hashBased;
  const isForReading = agreements.includes(algorithm);
  const can = isForReading ? 'read what is encrypted for it' : 'sign';
  const whose = isForReading ? 'whoever encrypts for it' : 'servers and devices';
  const [ledger, marked] = [ledgerOf(file), mark === undefined ? {} : { mark }];
  if (json === true) {
    const further = isHashBased ? { ledger, ...marked, leaves: Number(leaves) } : {};
    terminal.result(JSON.stringify({ private: file, public: publicFile, algorithm, kid, ...further }));
  } else if (terminal.quiet) terminal.result(kid);
  else {
    terminal.facts([
      ['private key', `${file}  (keep it secret: whoever has it can ${can})`],
      ['public key', `${publicFile}  (for ${whose})`],
      ...(isHashBased
        ? ([
            ['ledger', `${ledger}  (never put an older copy of it back)`],
            ...(mark === undefined ? [] : ([['mark', `${mark}  (keep it away from both)`]] as const)),
            ['signatures', leaves],
          ] as const)
        : []),
      ['algorithm', algorithm],
      ['key id', kid],
    ]);
  }
  if (!isHashBased) return;
  if (mark === undefined) {
    terminal.note(
      `Without a mark nobody notices that an older ${ledger} was put back: that betrays the key.`,
    );
  } else if (isBeside(file, mark)) {
    terminal.note('The mark lies beside the ledger: whoever puts this folder back puts both back.');
  }
}
