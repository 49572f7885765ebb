/**
 * One side of a security context (RFC 8613 §3), and what it does to contents: protect and verify, requests
 * and responses (§8). A nonce is used once: a request's number is taken from the sequence, and the right to
 * answer under the nonce of a request is used up by the first answer.
 */
import { hex } from '@lapel/cbor';
import type { SharedSecret } from '@lapel/cose';
import { openCcm, sealCcm } from '@lapel/cose/channel';
import type { Peer } from '../exchange.ts';
import { isRequest, isResponse } from './code.ts';
import type { Content } from './message.ts';
import { MessageError, decodeOptions, encodeOptions, inOrder, optionsLength } from './message.ts';
import type { Option } from './option.ts';
import { option, optionTable, optionValue, uintOption, without } from './option.ts';
import type { OscoreKeys, OscoreSecret, RequestBinding } from './oscore-keys.ts';
import { deriveKeys, nonceOf, partialIvOf, secretFor } from './oscore-keys.ts';
import type { OscoreHeader } from './oscore-option.ts';
import { decodeOscoreOption, encodeOscoreOption } from './oscore-option.ts';
import type { SenderSequence, SequenceStore } from './oscore-sequence.ts';
import { senderSequence } from './oscore-sequence.ts';
import type { ReplayWindow } from './replay-window.ts';

export { leastNumber } from './oscore-sequence.ts';

export interface OscoreContext {
  readonly secret: OscoreSecret;
  readonly keys: OscoreKeys;
  readonly sequence: SenderSequence;
  /** Who holds the other side, as requests prove it. */
  readonly peer: Peer | undefined;
  /** Tells this context from every other. */
  readonly name: string;
  /**
   * Other processes answer under it, too, and none knows what the others have: no answer is under the nonce
   * of its request, which may have been answered elsewhere.
   */
  readonly isShared: boolean;
  /** Of the other side's requests; unknown after a start, until Echo tells what is new (§B.1.2). */
  window: ReplayWindow | undefined;
  /** What the other side must echo for that. */
  challenge: Uint8Array | undefined;
}

export interface OscoreContextOptions extends OscoreSecret {
  readonly store: SequenceStore;
  readonly peer?: Peer;
  readonly isShared?: boolean;
  /** Numbers that are taken at a time. */
  readonly step?: number;
}

/** @throws {RangeError} where the secret is no secret for two */
export function oscoreContext(options: OscoreContextOptions): OscoreContext {
  const { store, peer, isShared = false, step, ...secret } = options;
  const { idContext, recipientId } = secret;
  return {
    secret,
    keys: deriveKeys(secret),
    sequence: senderSequence(store, step),
    peer,
    isShared,
    name: contextName(recipientId, idContext),
    window: undefined,
    challenge: undefined,
  };
}

/** What a device and another were given, told from one side of it (§3.2.1). */
export function secretOf(
  { secret, salt, idContext, sender, recipient }: SharedSecret,
  side: 'device' | 'server',
): OscoreSecret {
  const [senderId, recipientId] = side === 'device' ? [sender, recipient] : [recipient, sender];
  return {
    masterSecret: secret,
    ...(salt === undefined ? {} : { masterSalt: salt }),
    ...(idContext === undefined ? {} : { idContext }),
    senderId,
    recipientId,
  };
}

/** By what a request names: its sender, and the context where there are several (§5.1). */
export const contextName = (kid: Uint8Array, kidContext: Uint8Array | undefined): string =>
  `oscore ${hex(kid)} ${kidContext === undefined ? '' : hex(kidContext)}`;

/** A request on its way, by which its responses are verified. */
export interface ProtectedRequest {
  readonly content: Content;
  readonly binding: RequestBinding;
}

const codes = { post: 2, fetch: 5, changed: 0x44, content: 0x45 } as const;

/** §8.1. @param number of the sequence; only vectors choose it */
export async function protectRequest(
  context: OscoreContext,
  content: Content,
  number?: number,
): Promise<ProtectedRequest> {
  const { secret, keys } = context;
  const partialIv = partialIvOf(number ?? (await context.sequence.next()));
  const kid = secret.senderId;
  const binding = { kid, partialIv };
  const nonce = nonceOf(keys.commonIv, kid, partialIv);
  const observe = optionValue(content.options, 'observe');
  const payload = sealCcm(secretFor(keys.senderKey, nonce, binding), plaintextOf(content));
  const header = { partialIv, kid, ...contextIn(secret) };
  // §4.1.3.5: a request that observes looks like one.
  const code = observe === undefined ? codes.post : codes.fetch;
  return { content: { code, options: outerOptions(content, header, observe), payload }, binding };
}

const contextIn = ({ idContext }: OscoreSecret): OscoreHeader =>
  idContext === undefined ? {} : { kidContext: idContext };

/** §8.3. Without a number, under the nonce of the request: once, and the caller sees to that. */
export function protectResponse(
  { secret, keys }: OscoreContext,
  binding: RequestBinding,
  content: Content,
  number?: number,
): Content {
  const partialIv = number === undefined ? undefined : partialIvOf(number);
  const nonce =
    partialIv === undefined
      ? nonceOf(keys.commonIv, binding.kid, binding.partialIv)
      : nonceOf(keys.commonIv, secret.senderId, partialIv);
  const observe = optionValue(content.options, 'observe');
  // §4.1.3.5.2: inside, a notification only says that it is one.
  const inner =
    observe === undefined
      ? content
      : { ...content, options: inOrder([...without(content.options, 'observe'), emptyObserve]) };
  const payload = sealCcm(secretFor(keys.senderKey, nonce, binding), plaintextOf(inner));
  const code = observe === undefined ? codes.changed : codes.content;
  return {
    code,
    options: outerOptions(content, partialIv === undefined ? {} : { partialIv }, observe),
    payload,
  };
}

const emptyObserve = option('observe', new Uint8Array(0));

/** §4.1: what proxies need. Everything else is inside. */
const outerNames = ['uriHost', 'uriPort', 'proxyUri', 'proxyScheme'] as const;
const outerNumbers: ReadonlySet<number> = new Set(outerNames.map((name) => optionTable[name].number));
const isOuter = ({ number }: Option): boolean => outerNumbers.has(number);

const outerOptions = ({ options }: Content, header: OscoreHeader, observe: Uint8Array | undefined) =>
  inOrder([
    ...options.filter(isOuter),
    option('oscore', encodeOscoreOption(header)),
    ...(observe === undefined ? [] : [option('observe', observe)]),
  ]);

/** §5.3. */
function plaintextOf({ code, options, payload }: Content): Uint8Array {
  const inner = options.filter((one) => !isOuter(one));
  const bytes = new Uint8Array(1 + optionsLength(inner, payload));
  bytes[0] = code;
  encodeOptions(bytes, 1, inner, payload);
  return bytes;
}

/** §8.2, steps 4 to 7; undefined where the message is not the sender's own. */
export function openRequest(
  { keys, secret }: OscoreContext,
  { kid, partialIv }: RequestBinding,
  { payload, options }: Content,
): Content | undefined {
  const nonce = nonceOf(keys.commonIv, secret.recipientId, partialIv);
  const plaintext = openCcm(secretFor(keys.recipientKey, nonce, { kid, partialIv }), payload);
  const content = plaintext === undefined ? undefined : innerContent(plaintext, options);
  return content !== undefined && isRequest(content.code) ? content : undefined;
}

/** A response that is proven to be one to our request. */
export interface OpenedResponse {
  readonly content: Content;
  /** The server's own number; absent where it used the nonce of the request. */
  readonly partialIv: Uint8Array | undefined;
}

/** §8.4; undefined where it is no response to this request. */
export function openResponse(
  { keys, secret }: OscoreContext,
  binding: RequestBinding,
  { options, payload }: Content,
): OpenedResponse | undefined {
  const value = optionValue(options, 'oscore');
  const header = value === undefined ? undefined : decodeOscoreOption(value);
  if (header === undefined) return undefined;
  const { partialIv } = header;
  const nonce =
    partialIv === undefined
      ? nonceOf(keys.commonIv, binding.kid, binding.partialIv)
      : nonceOf(keys.commonIv, secret.recipientId, partialIv);
  const plaintext = openCcm(secretFor(keys.recipientKey, nonce, binding), payload);
  const content = plaintext === undefined ? undefined : innerContent(plaintext, options);
  if (content === undefined || !isResponse(content.code)) return undefined;
  return { content, partialIv };
}

/** Inner fields count; of what stood outside, only what belongs there (§8.2, step 1). */
function innerContent(plaintext: Uint8Array, outer: readonly Option[]): Content | undefined {
  const code = plaintext[0];
  if (code === undefined) return undefined;
  try {
    const { options, payload } = decodeOptions(plaintext, 1, (reason) => new MessageError(reason));
    const inner = options.filter((one) => !isOuter(one) && one.number !== optionTable.oscore.number);
    return { code, options: inOrder([...outer.filter(isOuter), ...inner]), payload };
  } catch (error) {
    if (error instanceof MessageError) return undefined;
    throw error;
  }
}

export const observeOf = ({ options }: Content): number | undefined => uintOption(options, 'observe');
