/** Foreign text, as it may be shown to a person. */

/**
 * Control characters and changes of direction in a foreign text could steer or deceive the terminal it
 * is shown on.
 */
export const printable = (text: string): string =>
  text.replaceAll(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
