/** Something happened that must never happen, whatever fails. */
export class Violation extends Error {
  override readonly name = 'Violation';
}
