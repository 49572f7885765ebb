/** Who is behind a key: two keys of one person are one voice. */

/** By the key's thumbprint in hexadecimal; a key that is nobody's in particular is its own. */
export type Persons = ReadonlyMap<string, string>;

export const personOf = (persons: Persons, signer: string): string => persons.get(signer) ?? signer;

/** An approval as it was counted. */
export interface Approving {
  readonly person: string;
  readonly signer: string;
}
