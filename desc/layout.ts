/** Sector arithmetic: where partitions go in a space. Knows no disk and no table. */

/** One partition to be placed. All numbers are sectors. */
export type Wish =
  | { kind: 'fixed'; sectors: number }
  /** Share of the space all wishes of this level have, in percent. */
  | { kind: 'percent'; percent: number; least: number }
  /** All that the others leave. */
  | { kind: 'fill'; least: number }
  /** Stands there already. */
  | { kind: 'at'; start: number; sectors: number };

export interface Space {
  /** First sector that may be used. */
  start: number;
  /** Sector after the last that may be used. */
  end: number;
  /** Partitions start at multiples of this. */
  align: number;
  /** Sectors left free before each partition, for its own table. */
  gap: number;
}

export interface Place {
  start: number;
  sectors: number;
}

/** The wishes from `first` on do not fit before `end`: so many sectors are needed, so many there. */
export interface Shortage {
  first: number;
  needed: number;
  available: number;
}

export const alignUp = (sector: number, align: number): number => Math.ceil(sector / align) * align;

/**
 * Places the wishes one after the other, in order, around those that stand
 * already. A `fill` at the end of a run reaches to the last usable sector; one
 * before others takes whole alignment units, so that they keep their sizes.
 */
export const layOut = (wishes: readonly Wish[], space: Space): Place[] | Shortage => {
  const sized = wishes.map((wish) => withShare(wish, wishes.length, space));
  const places: Place[] = [];
  let cursor = space.start;
  while (places.length < sized.length) {
    const first = places.length;
    const next = sized.findIndex(({ kind }, index) => index >= first && kind === 'at');
    const run = sized.slice(first, next === -1 ? undefined : next);
    const standing = next === -1 ? undefined : sized[next];
    const end = standing?.kind === 'at' ? standing.start - space.gap : space.end;
    const placed = placeRun(run, cursor, end, space);
    if (!Array.isArray(placed)) return { ...placed, first };
    places.push(...placed);
    if (standing?.kind === 'at') {
      if (standing.start < cursor) return { first, needed: cursor, available: standing.start };
      places.push({ start: standing.start, sectors: standing.sectors });
      cursor = standing.start + standing.sectors;
    }
  }
  return places;
};

/** Percentages become sizes, in whole alignment units. */
const withShare = (wish: Wish, count: number, { start, end, align, gap }: Space): Wish => {
  if (wish.kind !== 'percent') return wish;
  const shared = end - start - count * gap;
  const sectors = Math.floor((shared * wish.percent) / 100 / align) * align;
  return { kind: 'fixed', sectors: Math.max(sectors, wish.least, align) };
};

const leastSectors = (wish: Wish): number =>
  wish.kind === 'fill' || wish.kind === 'percent' ? wish.least : wish.sectors;

/** Sector after the last when each wish gets no more than it needs. */
const leastEnd = (run: readonly Wish[], start: number, { align, gap }: Space): number =>
  run.reduce((cursor, wish) => alignUp(cursor + gap, align) + leastSectors(wish), start);

/** Sectors a space must have, gaps and alignment included, when it begins aligned. */
export const leastSpace = (wishes: readonly Wish[], align: number, gap: number): number =>
  leastEnd(wishes, 0, { start: 0, end: 0, align, gap });

const placeRun = (
  run: readonly Wish[],
  start: number,
  end: number,
  space: Space,
): Place[] | Omit<Shortage, 'first'> => {
  const spare = end - leastEnd(run, start, space);
  if (run.length > 0 && spare < 0) return { needed: end - spare - start, available: end - start };
  const places: Place[] = [];
  let cursor = start;
  for (const [index, wish] of run.entries()) {
    const from = alignUp(cursor + space.gap, space.align);
    const isLast = index === run.length - 1;
    const more = isLast ? spare : Math.floor(spare / space.align) * space.align;
    const sectors = leastSectors(wish) + (wish.kind === 'fill' ? more : 0);
    places.push({ start: from, sectors });
    cursor = from + sectors;
  }
  return places;
};
