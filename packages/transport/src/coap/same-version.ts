/** Blocks of one body are of one version of it, whichever way they come. */
import { TransportError } from '../transport-error.ts';
import { codeText } from './code.ts';
import type { Content } from './message.ts';
import { tagOf } from './request-options.ts';

/**
 * RFC 7959 §2.4: a block of another version is no part of this body; whoever wants it begins again.
 * @throws {TransportError} `no-answer`
 */
export function requireSame({ code, options }: Content, first: Content): void {
  if (code !== first.code) {
    throw new TransportError('no-answer', `expected the next block of the body, found ${codeText(code)}`);
  }
  const [tag, found] = [tagOf(first.options), tagOf(options)];
  if (found === tag) return;
  throw new TransportError(
    'no-answer',
    `expected a block of version ${tag ?? 'without a tag'}, found one of ${found ?? 'none'}`,
  );
}
