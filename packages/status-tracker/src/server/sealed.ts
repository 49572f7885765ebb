/**
 * Opens what devices have sealed and seals what the tracker says to them, with every refusal told as a
 * Problem.
 */
import type { Infer, Schema } from '@lapel/cbor';
import { CborError, read, write } from '@lapel/cbor';
import type { SigningKey } from '@lapel/cose';
import { CoseError, peekSigned, signAttached } from '@lapel/cose';
import { SuitError } from '@lapel/suit';
import type { Clock } from '@lapel/transport';
import { Problem } from '@lapel/transport';
import { Receipt, protocolVersion } from '../protocol.ts';

/** What a signed message claims: to find the key that must have signed it. Nothing is proved. */
export const peekMessage = <T>(schema: Schema<T>, signed: Uint8Array, what: string): T =>
  translated(what, () => read(schema, peekSigned(signed).payload));

/** @throws {Problem} `bad-request` for what can't be read, `forbidden` for a signature that proves nobody. */
export function translated<T>(what: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw refusalOf(what, error);
  }
}

/** As `translated`, for what is proved elsewhere. @throws {Problem} */
export async function proven(what: string, proof: Promise<void>): Promise<void> {
  try {
    await proof;
  } catch (error) {
    throw refusalOf(what, error);
  }
}

function refusalOf(what: string, error: unknown): unknown {
  if (error instanceof CborError) return problem('bad-request', what, error);
  if (error instanceof CoseError) {
    return problem(error.kind === 'malformed' ? 'bad-request' : 'forbidden', what, error);
  }
  if (error instanceof SuitError) {
    return problem(error.reason === 'cbor-parse' ? 'bad-request' : 'forbidden', what, error);
  }
  return error;
}

const problem = (code: 'bad-request' | 'forbidden', what: string, cause: Error) =>
  new Problem(code, `${what}: ${cause.message}`, { cause });

export function sealReceipt(
  key: SigningKey,
  clock: Clock,
  told: Pick<Infer<typeof Receipt>, 'device' | 'nonce' | 'token' | 'query' | 'spoken'>,
): Uint8Array {
  const receipt = { version: protocolVersion, wallMs: clock.wallMs(), ...told } as const;
  return signAttached(key, write(Receipt, receipt));
}
