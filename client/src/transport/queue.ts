/*
 * Runs jobs a few at a time, in order; urgent ones first.
 */

export class Queue {
  private readonly waiting: (() => Promise<void>)[] = [];
  private running = 0;

  constructor(private readonly width: number) {}

  add(job: () => Promise<void>, urgent = false): void {
    if (urgent) {
      this.waiting.unshift(job);
    } else {
      this.waiting.push(job);
    }

    this.next();
  }

  private next(): void {
    while (this.running < this.width) {
      const job = this.waiting.shift();

      if (!job) {
        return;
      }

      this.running++;
      void job().finally(() => {
        this.running--;
        this.next();
      });
    }
  }
}
