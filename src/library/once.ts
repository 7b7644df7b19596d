interface Once<T> {
  get(): Promise<T>;
  /** What is open or being opened; null when nothing is. */
  opened(): Promise<T | null>;
}

/** Finds something for each that is asked about, once; a failure stays one. */
export function onceEach<T>(find: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const found = new Map<string, Promise<T>>();
  return (key) => {
    const result = found.get(key) ?? find(key);
    found.set(key, result);
    return result;
  };
}

/** Opens or reads something when it is first asked for, the same for all who ask; what failed is tried again. */
export function once<T>(open: () => Promise<T>): Once<T> {
  let opening: Promise<T> | null = null;
  return {
    get: () => {
      if (opening !== null) return opening;
      const attempt = open();
      opening = attempt;
      // Whoever awaits it reports the failure; until then it must not count as unhandled.
      attempt.catch(() => {
        opening = null;
      });
      return attempt;
    },
    opened: async () => (await opening?.catch(() => null)) ?? null,
  };
}
