/**
 * Who sends from an address that is not its own would have our answers sent to somebody else. So before an
 * address is proven by Echo (RFC 9175 §2.4, item 3), an answer is at most three times its request; a client
 * that knows no Echo still gets all of it, in smaller blocks.
 */
import { equalInConstantTime, hmacSha256 } from '@lapel/cose';
import type { Clock, Random } from '../system.ts';
import { isBareAcknowledgement } from './burst.ts';
import type { Burst, Carrier, Respond, Sender } from './carrier.ts';
import { classOf, methodCodes, responseCodes } from './code.ts';
import type { Content } from './message.ts';
import { inOrder, optionsLength } from './message.ts';
import { option, optionValue, without } from './option.ts';
import type { Option } from './option.ts';

/** RFC 9175 §2.6 asks for an amplification of three at most. */
const amplification = 3;
/** Proven for an hour; a NAT may then have given the address to somebody else. */
const provenMs = 60 * 60_000;
const provenMax = 100_000;
const echoBytes = 8;
/** The word that an answer will follow counts as well. */
const acknowledgementBytes = 4;
/** Room for a block of 16 bytes behind every option of an answer, or for a problem in short. */
const changeBytesMin = 96;
/** The option's head, which says 252. */
const echoOptionBytes = 2 + echoBytes;

export function provingAddress(
  respond: Respond,
  { clock, random }: { clock: Clock; random: Random },
): Respond {
  const key = random.bytes(32);
  const proven = new Map<string, number>();

  /** Of this hour or the one before; an answer that is under way at the turn of the hour is no stranger's. */
  const echoOf = (sender: string, hour: number): Uint8Array =>
    hmacSha256(key, new TextEncoder().encode(`${hour} ${sender}`)).slice(0, echoBytes);
  const hourNow = () => Math.floor(clock.monotonicMs() / provenMs);

  function isProven(sender: string, echo: Uint8Array | undefined): boolean {
    const atMs = proven.get(sender);
    if (atMs !== undefined && clock.monotonicMs() - atMs < provenMs) return true;
    proven.delete(sender);
    if (echo?.length !== echoBytes) return false;
    const hour = hourNow();
    if (![hour, hour - 1].some((one) => equalInConstantTime(echo, echoOf(sender, one)))) return false;
    proven.set(sender, clock.monotonicMs());
    if (proven.size > provenMax) proven.delete(proven.keys().next().value ?? sender);
    return true;
  }

  return async (request, sender) => {
    const echo = optionValue(request.options, 'echo');
    const asked = echo === undefined ? request : { ...request, options: without(request.options, 'echo') };
    if (isProven(sender.key, echo)) return respond(asked, { ...sender, provenAddress: sender.key });
    const bytesMax = boundOf(sender);
    const challenge = option('echo', echoOf(sender.key, hourNow()));
    const options = bytesMax < echoOptionBytes ? [] : [challenge];
    const refused = {
      code: responseCodes.unauthorized,
      options,
      payload: new Uint8Array(0),
      isToStranger: true,
    };
    // Nothing is changed for whom the answer could not be sent.
    if (request.code !== methodCodes.GET && bytesMax < changeBytesMin) return refused;
    const answer = await respond(asked, { ...sender, answerBytesMax: bytesMax - echoOptionBytes });
    // What was cut small, or did not fit, tells its reader how to get more at once.
    const isSmall = optionsLength(answer.options, answer.payload) <= bytesMax - echoOptionBytes;
    if (!isSmall) {
      await answer.notifications?.[Symbol.asyncIterator]().return?.();
      // Of a failure its code says enough.
      return classOf(answer.code) === 2 ? refused : { ...refused, code: answer.code };
    }
    const isCut = ['block2', 'qBlock2'].some(
      (name) => optionValue(answer.options, name as 'block2') !== undefined,
    );
    const told =
      isCut || isRefusedWhole(request, answer.code)
        ? inOrder([...answer.options, challenge])
        : answer.options;
    return { ...answer, options: told, isToStranger: true };
  };
}

/**
 * What changes something may be refused for want of that proof alone, and is worth being sent again; the end
 * of an upload alone is not.
 */
const isRefusedWhole = ({ code, options }: Content, answered: number): boolean =>
  answered === responseCodes.unauthorized &&
  code !== methodCodes.GET &&
  (['block1', 'qBlock1'] as const).every((name) => optionValue(options, name) === undefined);

const boundOf = ({ requestBytes = 0, headBytes = 0 }: Sender): number =>
  amplification * requestBytes - headBytes - acknowledgementBytes;

/**
 * RFC 9175 §2.3: what the server wants echoed is in the next request, and a request that was refused for want
 * of it is sent again.
 * @param before the options of an answer that came before, to somebody else than this carrier
 */
export function echoing({ ask, watch, burst }: Carrier, before: readonly Option[] = []): Carrier {
  let echo = optionValue(before, 'echo')?.slice();
  const withEcho = (request: Content): Content => {
    if (echo === undefined) return request;
    const options = inOrder([...request.options, option('echo', echo)]);
    echo = undefined;
    return { ...request, options };
  };
  /**
   * Whether the request is worth being sent again; where only the reason is missing, one that changes
   * nothing.
   */
  const isRefused = ({ code, options, payload }: Content, request: Content): boolean => {
    echo = optionValue(options, 'echo')?.slice() ?? echo;
    if (echo === undefined) return false;
    const isSilent = classOf(code) !== 2 && payload.length === 0 && request.code === methodCodes.GET;
    return code === responseCodes.unauthorized || isSilent;
  };
  return {
    async ask(request, signal) {
      const answer = await ask(withEcho(request), signal);
      if (!isRefused(answer, request)) return answer;
      const again = await ask(withEcho(request), signal);
      isRefused(again, request);
      return again;
    },
    async *watch(request, signal) {
      for (let isSecond = false; ; isSecond = true) {
        let isAgain = false;
        for await (const answer of watch(withEcho(request), signal)) {
          isAgain = isRefused(answer, request) && !isSecond;
          if (isAgain) break;
          yield answer;
        }
        if (!isAgain) return;
      }
    },
    burst: burst === undefined ? undefined : (signal) => echoed(burst(signal)),
  };

  function echoed(inner: Burst): Burst {
    let last: Parameters<Burst['send']> | undefined;
    let isSecond = false;
    const send = (request: Content, isConfirmable?: boolean) => {
      last = [request, isConfirmable];
      inner.send(withEcho(request), isConfirmable);
    };
    return {
      ...inner,
      send,
      async receive(withinMs) {
        const answer = await inner.receive(withinMs);
        if (answer === undefined || isBareAcknowledgement(answer) || last === undefined) return answer;
        if (!isRefused(answer, last[0]) || isSecond) return answer;
        isSecond = true;
        send(...last);
        return inner.receive(withinMs);
      },
    };
  }
}
