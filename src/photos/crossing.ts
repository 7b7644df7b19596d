/** Lets work run side by side, and some of it alone while nothing else is inside. */
export class Crossing {
  #inside = 0;
  #closed = false;
  #waiting: (() => void)[] = [];

  async together<T>(work: () => Promise<T>): Promise<T> {
    while (this.#closed) await this.#change();
    this.#inside += 1;
    try {
      return await work();
    } finally {
      this.#inside -= 1;
      this.#wake();
    }
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#closed) await this.#change();
    this.#closed = true;
    try {
      while (this.#inside > 0) await this.#change();
      return await work();
    } finally {
      this.#closed = false;
      this.#wake();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
