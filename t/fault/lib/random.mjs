// Pseudo-random numbers that a seed determines (splitmix32), and what is made
// from them. fork() gives a stream of its own, so that what one part draws
// doesn't change what another gets.

export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  // 0 <= n < 2^32
  next() {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  // 0 <= n < 1
  real() { return this.next() / 2 ** 32; }

  // from <= n <= to
  int(from, to) { return from + Math.floor(this.real() * (to - from + 1)); }

  chance(p) { return this.real() < p; }

  pick(list) { return list[this.int(0, list.length - 1)]; }

  // of [[weight, value]...]
  weighted(list) {
    let n = this.real() * list.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of list) {
      n -= weight;
      if (n < 0) return value;
    }
    return list.at(-1)[1];
  }

  // some of the list's, in any order
  sample(list, count) {
    const rest = [...list];
    const some = [];
    while (some.length < count && rest.length) {
      some.push(...rest.splice(this.int(0, rest.length - 1), 1));
    }
    return some;
  }

  fork() { return new Random(this.next()); }
}
