/*
 * Where the rows of a long list are, when only those that were once shown
 * have been measured and all others are guessed.  Heights belong to keys, so
 * they survive rows being put in before.
 */

const GUESS = 60;

export class RowLayout {
  private readonly heights = new Map<string, number>();
  private tops = new Float64Array(1);
  private count = 0;
  private keyAt: (index: number) => string = () => "";
  private firstKey = "";
  private lastKey = "";
  /** tops[0..valid] are right. */
  private valid = 0;

  setRows(count: number, keyAt: (index: number) => string): void {
    const appended =
      this.count > 0 &&
      count >= this.count &&
      keyAt(0) === this.firstKey &&
      keyAt(this.count - 1) === this.lastKey;

    this.valid = appended ? Math.min(this.valid, this.count) : 0;
    this.count = count;
    this.keyAt = keyAt;
    this.firstKey = count > 0 ? keyAt(0) : "";
    this.lastKey = count > 0 ? keyAt(count - 1) : "";

    if (this.tops.length < count + 1) {
      const larger = new Float64Array(Math.max(count + 1, this.tops.length * 2));

      larger.set(this.tops);
      this.tops = larger;
    }
  }

  /** Returns whether that is news. */
  setHeight(index: number, height: number): boolean {
    const key = this.keyAt(index);

    if (this.heights.get(key) === height) {
      return false;
    }

    this.heights.set(key, height);
    this.valid = Math.min(this.valid, index);
    return true;
  }

  /** Distance of a row's upper edge from the list's; index may be count. */
  top(index: number): number {
    this.validate(index);
    return this.tops[index]!;
  }

  get total(): number {
    return this.top(this.count);
  }

  /** The row at a distance from the list's upper edge, or the nearest. */
  indexAt(y: number): number {
    this.validate(this.count);

    let low = 0;
    let high = this.count - 1;

    while (low < high) {
      const middle = (low + high + 1) >> 1;

      if (this.tops[middle]! <= y) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }

    return Math.max(0, low);
  }

  private validate(index: number): void {
    for (let i = this.valid; i < index; i++) {
      this.tops[i + 1] = this.tops[i]! + (this.heights.get(this.keyAt(i)) ?? GUESS);
    }

    this.valid = Math.max(this.valid, index);
  }
}
