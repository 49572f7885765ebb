/**
 * Why a COSE object was refused. The kinds say who can mend it: its maker, the choice of algorithm, or
 * nobody.
 */

export type CoseErrorKind =
  /** Not the structure that RFC 9052 and this profile of it allow. */
  | 'malformed'
  /** Understood, but the algorithm is unknown or not permitted with that key. */
  | 'algorithm'
  /** No key that the verifier trusts is named or fits. */
  | 'untrusted'
  /** A trusted key was tried, and the signature or tag is not its own. */
  | 'signature';

export class CoseError extends Error {
  override readonly name = 'CoseError';
  readonly kind: CoseErrorKind;

  constructor(kind: CoseErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
