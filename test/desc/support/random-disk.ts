/** Random but valid descriptions; the same seed gives the same ones. */
import type { DiskSpec, PartitionSpec, Size } from '../../../desc/model.ts';
import { typeCode } from '../../../desc/partition-types.ts';
import { KIB, MIB } from '../../../desc/sizes.ts';

export class RandomDisks {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** mulberry32. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  between(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1));
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.between(0, choices.length - 1)] ?? choices[0];
  }

  /** At most 3 GiB with its fill at the least, so that it fits any disk above that. */
  disk(): DiskSpec {
    return this.pick([true, false]) ? this.#gpt() : this.#msdos();
  }

  #gpt(): DiskSpec {
    const count = this.between(1, 8);
    const fill = this.between(0, count);
    const partitions = Array.from(
      { length: count },
      (_, index): PartitionSpec => ({
        number: index + 1,
        role: 'primary',
        size: this.#size(index === fill),
        type: typeCode('gpt', this.pick(['linux', 'home', 'lvm', 'esp', 'bios-boot'])) ?? '',
        flags: this.pick([[], ['RequiredPartition'], ['LegacyBIOSBootable', '48', '63']]),
        content: 'empty',
        ...this.pick([{}, { name: `part "${index}" é` }]),
      }),
    );
    return { name: 'sda', table: 'gpt', partitions: this.#shuffled(partitions) };
  }

  #msdos(): DiskSpec {
    const primaries = this.between(1, 3);
    const logicals = this.between(0, 5);
    const fill = this.between(0, primaries);
    const active = this.between(0, primaries);
    const make = (number: number, role: PartitionSpec['role'], fills: boolean): PartitionSpec => ({
      number,
      role,
      size: this.#size(fills),
      type: this.pick(['83', '8E', 'FD', '07']),
      flags: [],
      content: 'empty',
    });
    const partitions = Array.from({ length: primaries }, (_, index) => ({
      ...make(index + 1, 'primary', index === fill),
      flags: index === active ? ['boot'] : [],
    }));
    if (logicals === 0) return { name: 'sda', table: 'msdos', partitions };
    const innerFill = this.between(0, logicals);
    const inner = Array.from({ length: logicals }, (_, index) =>
      make(index + 5, 'logical', index === innerFill),
    );
    const extended: PartitionSpec = {
      ...make(primaries + 1, 'extended', false),
      size: fill === primaries ? { kind: 'fill' } : { kind: 'bytes', bytes: 1500 * MIB },
      type: this.pick(['05', '0F']),
    };
    return { name: 'sda', table: 'msdos', partitions: [...partitions, extended, ...inner] };
  }

  /** Whole MiB, sizes that end anywhere, and a few percent. */
  #size(fills: boolean): Size {
    if (fills) return { kind: 'fill' };
    return this.pick<Size>([
      { kind: 'bytes', bytes: this.between(1, 200) * MIB },
      { kind: 'bytes', bytes: this.between(2000, 200_000) * 4 * KIB },
      { kind: 'percent', percent: this.between(1, 3) },
    ]);
  }

  #shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, at: this.#next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item);
  }
}
