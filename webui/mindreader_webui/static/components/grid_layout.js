// Where the tiles of a grid lie: sections one below the other, each with rows of tiles below a heading. Arithmetic only.

/**
 * @typedef {object} Block a section as the layout sees it
 * @property {number} start index of its first photo
 * @property {number} count at least one
 * @property {number} heading pixels of its heading with the gap below it; 0: it has none
 */
/**
 * @typedef {object} Line a heading, or tiles beside each other
 * @property {number} section
 * @property {boolean} isHeading
 * @property {number} from index of its first photo; of a heading, of the first one below it
 * @property {number} to index behind its last photo
 * @property {number} top
 * @property {number} bottom
 */

export class GridLayout {
  /** @param {Block[]} blocks in order, without gaps @param {number} columns @param {number} rowHeight with the gap below it */
  constructor(blocks, columns, rowHeight) {
    this.blocks = blocks;
    this.columns = columns;
    this.rowHeight = rowHeight;
    this.height = 0;
    this.tops = blocks.map(({ count, heading }) => {
      const top = this.height;
      this.height += heading + Math.ceil(count / columns) * rowHeight;
      return top;
    });
  }

  /** The line at a height, or the first or last one. @param {number} y @returns {Line} */
  lineAt(y) {
    const section = lastAtMost(this.tops, y, (top) => top);
    const { start, count, heading } = this.block(section);
    const top = this.top(section);
    if (heading && y < top + heading) {
      return { section, isHeading: true, from: start, to: start, top, bottom: top + heading };
    }
    const rows = Math.ceil(count / this.columns);
    const row = Math.min(rows - 1, Math.max(0, Math.floor((y - top - heading) / this.rowHeight)));
    const from = start + row * this.columns;
    const begins = top + heading + row * this.rowHeight;
    const to = Math.min(start + count, from + this.columns);
    return { section, isHeading: false, from, to, top: begins, bottom: begins + this.rowHeight };
  }

  /** Number of the section a photo is in. @param {number} index */
  sectionOf(index) {
    return lastAtMost(this.blocks, index, ({ start }) => start);
  }

  /** Where a photo's row begins. @param {number} index */
  topOf(index) {
    const section = this.sectionOf(index);
    const { start, heading } = this.block(section);
    return this.top(section) + heading + Math.floor((index - start) / this.columns) * this.rowHeight;
  }

  /** @param {number} section */
  block(section) {
    return /** @type {Block} */ (this.blocks[section]);
  }

  /** Where a section begins, with its heading. @param {number} section */
  top(section) {
    return this.tops[section] ?? 0;
  }
}

/**
 * Index of the last of some things in rising order that is not above a value; 0 if all are.
 *
 * @template T
 * @param {T[]} things
 * @param {number} value
 * @param {(thing: T) => number} of
 */
export function lastAtMost(things, value, of) {
  let [low, high] = [0, things.length];
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    if (of(/** @type {T} */ (things[middle])) <= value) low = middle;
    else high = middle;
  }
  return low;
}
