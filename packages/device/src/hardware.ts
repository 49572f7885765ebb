/** What only hardware can give a device beside its flash: bootloader and application share it. */

/**
 * A number in hardware that only rises: fuses, a secure element, a protected cell. Whoever puts an older copy
 * of the flash back cannot put this back. A board without one says so by offering none: there an old copy of
 * the whole flash is not noticed.
 */
export interface Counter {
  /** A whole number from 0 on, the same until the next `raise`: no reading is ever below an earlier one. */
  read(): number;
  /**
   * When it returns, `read` gives `to`, in this life and all later ones. The same number again changes
   * nothing. The power may go in the middle: afterwards `read` gives the old number, the new one, or one in
   * between, and stays there.
   * @throws {RangeError} where `to` is lower, no whole number, or more than the hardware holds; then nothing
   * has changed.
   */
  raise(to: number): void;
}
