import type { PhotoStore } from '../../src/store/port.ts';

/** Ends a process in the middle of its calls to a store, as a kill does: what comes after happens to nobody. */
export class Mortality {
  #left = Number.POSITIVE_INFINITY;
  #applied = false;

  /** @param calls to the store until the end; the last one is done and not answered when `applied` */
  dieAfter(calls: number, applied: boolean): void {
    this.#left = calls;
    this.#applied = applied;
  }

  revive(): void {
    this.#left = Number.POSITIVE_INFINITY;
  }

  of(store: PhotoStore): PhotoStore {
    return this.#wrap(store);
  }

  #wrap<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, key) => {
        const value: unknown = Reflect.get(object, key);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          const call = (): unknown => Reflect.apply(value, object, args);
          if (key === 'table') return this.#wrap(call() as object);
          if (key === 'photos' || key === 'all') return this.#list(call as () => AsyncIterable<unknown>);
          return this.#call(call);
        };
      },
    });
  }

  async #call(call: () => unknown): Promise<unknown> {
    const isLast = --this.#left === -1;
    if (this.#left < 0) {
      if (isLast && this.#applied) await call();
      throw new Error('killed');
    }
    return call();
  }

  async *#list(call: () => AsyncIterable<unknown>): AsyncIterable<unknown> {
    await this.#call(() => undefined);
    yield* call();
  }
}
