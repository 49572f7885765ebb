/**
 * `lapel trust`: whom devices believe, changed in the field by signed orders. Each command writes an envelope
 * that devices install like an update, and that travels like one; `show` says what it orders.
 */

import { hex } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { encodeVerificationKey } from '@lapel/cose';
import { buildTrustOrder, outlineEnvelope, signEnvelope } from '@lapel/author';
import type { ActingDirective } from '@lapel/suit';
import { SuitError, actingDirectives, trustAnchorsComponent, writeEnvelope } from '@lapel/suit';
import { systemClock } from '@lapel/transport';
import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { componentsIn } from '../component-words.ts';
import { deviceKind } from '../device-kind.ts';
import { inFile, readOutline } from '../envelope-file.ts';
import { replaceFile } from '../files.ts';
import { readVerificationKey } from '../key-files.ts';
import { wholeNumber } from '../quantities.ts';
import { envelopeFact } from '../sealed-file.ts';
import type { SignerOptions } from '../signer.ts';
import { openSigner, signerHelp, watchingOn, withSigner } from '../signer.ts';
import type { Terminal } from '../terminal.ts';
import { trustOrderAsJson, trustOrderIn } from '../trust-order-in-words.ts';
import { groupIn } from '../trusted-keys.ts';
import { updateInWords } from '../update-in-words.ts';

type Changes = Parameters<typeof buildTrustOrder>[0]['changes'];
type Change = Changes[number];

export function addTo(program: Command, terminal: Terminal): void {
  const trust = program
    .command('trust')
    .description(
      'Writes signed orders about whom devices trust. An order is an envelope like any other: whoever must ' +
        'vouch for updates signs it, too (lapel sign), then it is published, or brought to the device.',
    )
    .addHelpText('after', examples);
  addAdd(trust, terminal);
  addSucceed(trust, terminal);
  addEnding(trust, terminal, 'retire', 'boot-only', 'let a key vouch only for what is installed already');
  addEnding(trust, terminal, 'revoke', 'revoked', 'let a key vouch for nothing, for ever');
  addShow(trust, terminal);
}

const examples = `
A second operator's key; then the author's heir, and the end of the old key:
  lapel trust add operator-2.pem --group operator --key operator.pem -o add.suit \\
        --vendor lapel.example --class lamp
  lapel sign add.suit --key author.pem                      where author and operator must both vouch
  lapel trust succeed author-2.pem --key author.pem --vendor lapel.example --class lamp -o heir.suit
  lapel trust retire author.pub.pem --key author-2.pem --vendor lapel.example --class lamp -o retire.suit
  lapel trust show heir.suit

A key may give part of what it has itself, twice at most, and speaks only of itself and of those below it.`;

interface OrderOptions extends SignerOptions {
  readonly vendor: string;
  readonly class: string;
  readonly sequence?: string;
  readonly out: string;
  readonly json?: boolean;
}

interface NewKeyOptions extends OrderOptions {
  readonly newPassphraseFile?: string;
  readonly newSigner?: string;
  readonly newSignerTakes: SignerOptions['signerTakes'];
}

interface AddOptions extends NewKeyOptions {
  readonly group?: string;
  readonly may?: string;
  readonly directives?: readonly ActingDirective[];
  readonly delegates?: boolean;
}

function addAdd(trust: Command, terminal: Terminal): void {
  orderingNewKey(
    trust
      .command('add')
      .summary('let devices trust another key')
      .description('Orders devices to trust a new key. That key signs the order, too, to prove itself.')
      .option('--group <name>', 'what it vouches as, where a device requires a group')
      .option('--may <component,...>', 'all that it may touch (default: everything)')
      .addOption(
        new Option('--directives <name,...>', 'all that it may do with them (default: everything)').argParser(
          directivesIn,
        ),
      )
      .option('--delegates', 'let it say who else is trusted, within what it may itself'),
  ).action(async (file: string, options: AddOptions) => {
    const key = await readNewKey(file, options);
    const { group, may, directives, delegates } = options;
    const change: Change = {
      key: encodeVerificationKey(key.public),
      ...(group === undefined ? {} : { group: groupIn(group) }),
      ...(may === undefined ? {} : { components: [...componentsIn(may)] }),
      ...(directives === undefined ? {} : { directives: [...directives] }),
      ...(delegates === true ? { delegates } : {}),
    };
    await give(options, () => [change], [key], terminal);
  });
}

function addSucceed(trust: Command, terminal: Terminal): void {
  orderingNewKey(
    trust
      .command('succeed')
      .summary('hand the place of a key on to its heir')
      .description(
        'Orders devices to put a new key in the place of the one that signs. The old one goes on to vouch ' +
          'for updates, but says nothing of trust any more, until the heir retires it.',
      )
      .option('--retire', 'let the old key vouch only for what is installed, from now on'),
  ).action(async (file: string, options: NewKeyOptions & { readonly retire?: boolean }) => {
    const heir = await readNewKey(file, options);
    const changes = (by: SigningKey): Changes => [
      { key: encodeVerificationKey(heir.public), succeeds: true },
      ...(options.retire === true
        ? [{ key: encodeVerificationKey(by.public), state: 'boot-only' as const }]
        : []),
    ];
    await give(options, changes, [heir], terminal);
  });
}

function addEnding(
  trust: Command,
  terminal: Terminal,
  name: 'retire' | 'revoke',
  state: 'boot-only' | 'revoked',
  summary: string,
): void {
  ordering(
    trust
      .command(name)
      .summary(summary)
      .description(
        `Orders devices to ${summary}. A key that says so of itself, or of one below it. ` +
          'Devices refuse it where they would not boot any more, or could accept nothing.',
      )
      .argument('<public-key>', 'the key'),
  ).action(async (file: string, options: OrderOptions) => {
    const key = encodeVerificationKey(await readVerificationKey(file));
    await give(options, () => [{ key, state }], [], terminal);
  });
}

const ordering = (command: Command): Command =>
  withSigner(command)
    .requiredOption('--vendor <name>', 'of the devices: a domain, or a UUID')
    .requiredOption('--class <name>', "a name within the vendor's, or a UUID")
    .option('--sequence <number>', 'of the order and its manifest (default: the seconds since 1970)')
    .requiredOption('-o, --out <file>', 'where to write the envelope')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', signerHelp);

const orderingNewKey = (command: Command): Command =>
  ordering(
    command
      .argument('<new-key>', 'the new private key; with --new-signer, its public half')
      .option('--new-passphrase-file <file>', 'of the new key (default: asked at the terminal)')
      .option('--new-signer <command>', 'a command that signs with the new key, as --signer does')
      .addOption(
        new Option('--new-signer-takes <what>', 'with --new-signer: what it gets on stdin')
          .choices(['message', 'digest'])
          .default('message'),
      ),
  );

/** `fetch,write`, or as the registry calls them. */
function directivesIn(text: string): readonly ActingDirective[] {
  return text.split(',').map((word) => {
    const found = actingDirectives.find((each) => each === word || each === `directive-${word}`);
    if (found !== undefined) return found;
    const known = actingDirectives.map((each) => each.replace('directive-', '')).join(', ');
    throw new InvalidArgumentError(`Allowed choices are ${known}.`);
  });
}

const readNewKey = (file: string, options: NewKeyOptions): Promise<SigningKey> => {
  const { newSigner: signer, newSignerTakes: signerTakes, newPassphraseFile: passphraseFile } = options;
  if (signer !== undefined) return openSigner({ signer, signerTakes, public: file });
  return openSigner({ key: file, signerTakes, ...(passphraseFile === undefined ? {} : { passphraseFile }) });
};

async function give(
  options: OrderOptions,
  changes: (by: SigningKey) => Changes,
  newKeys: readonly SigningKey[],
  terminal: Terminal,
): Promise<void> {
  const { out, json, sequence: asked } = options;
  const kind = deviceKind(options);
  const now = Math.floor(systemClock.wallMs() / 1000);
  const sequence = asked === undefined ? now : wholeNumber('--sequence', asked, 1, Number.MAX_SAFE_INTEGER);
  const by = await openSigner(options, watchingOn(terminal));
  const envelope = buildTrustOrder({
    changes: changes(by),
    by,
    newKeys,
    sequence,
    vendorIdentifier: kind.vendor,
    classIdentifier: kind.class,
  });
  const signed = signEnvelope(writeEnvelope(envelope), by);
  await replaceFile(out, signed);
  const outline = outlineEnvelope(signed);
  if (json === true) {
    terminal.result(JSON.stringify({ file: out, bytes: signed.length, ...asJson(outline) }));
  } else if (terminal.quiet) terminal.result(hex(outline.digest.bytes));
  else {
    terminal.facts([...updateInWords(outline), envelopeFact(out, signed, 1)]);
    terminal.note(`\nNext: whoever else must vouch signs it (lapel sign ${out} --key KEY), then publish it`);
  }
}

function addShow(trust: Command, terminal: Terminal): void {
  trust
    .command('show')
    .summary('say what an order orders')
    .description(
      'Says in words what an order is about. Proves nothing: devices check who signed it, and if he may.',
    )
    .argument('<envelope>', 'the envelope, or - for stdin')
    .option('--json', 'print it as JSON')
    .action(async (file: string, { json }: { readonly json?: boolean }) => {
      const { outline } = await readOutline(file);
      const told = inFile(file, () => asJson(outline));
      if (json === true) terminal.result(JSON.stringify(told));
      else terminal.facts(updateInWords(outline));
    });
}

function asJson(outline: ReturnType<typeof outlineEnvelope>) {
  const order = trustOrderIn(outline);
  if (order === undefined) throw noOrder();
  return { digest: hex(outline.digest.bytes), ...trustOrderAsJson(order) };
}

function noOrder(): SuitError {
  const name = new TextDecoder().decode(trustAnchorsComponent[0]);
  return new SuitError(
    'setup',
    'component-unsupported',
    `expected an order to ${name}, found another manifest`,
  );
}
