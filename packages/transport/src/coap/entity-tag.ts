/**
 * Entity tags ⇄ ETag options. A tag of an exchange is any text, mostly a digest in hex; an option holds eight
 * bytes at most (RFC 7252 §5.10.6). So a longer one travels as its beginning, where it is hex, or else as the
 * beginning of its SHA-256, and arrives as hex. Both sides compute the same, so that a client may name what
 * it has by the whole digest that it knows.
 */
import { hex, unhex } from '@lapel/cbor';
import { digest } from '@lapel/cose';

const tagBytesMax = 8;

export function entityTagToOption(etag: string): Uint8Array {
  const bytes = etag.length % 2 === 0 && etag !== '' ? unhex(etag) : undefined;
  const whole = bytes ?? digest('sha-256', new TextEncoder().encode(etag));
  return whole.slice(0, tagBytesMax);
}

export const optionToEntityTag = (value: Uint8Array): string => hex(value);

/**
 * As many as a server answers lately; one that is forgotten costs a comparison after the Handler's answer.
 */
const rememberedMax = 4096;

export interface RememberedTags {
  remember(etag: string): void;
  /** The whole tag whose beginning this is; undefined where no answer named it lately. */
  whole(beginning: string): string | undefined;
}

/** A client sends back what fitted into the option; a Handler compares, and waits, by the whole tag. */
export function rememberedTags(): RememberedTags {
  const wholeByBeginning = new Map<string, string>();
  return {
    remember(etag) {
      const beginning = optionToEntityTag(entityTagToOption(etag));
      if (wholeByBeginning.get(beginning) === etag) return;
      wholeByBeginning.delete(beginning);
      wholeByBeginning.set(beginning, etag);
      if (wholeByBeginning.size <= rememberedMax) return;
      const [oldest] = wholeByBeginning.keys();
      if (oldest !== undefined) wholeByBeginning.delete(oldest);
    },
    whole: (beginning) => wholeByBeginning.get(beginning),
  };
}
