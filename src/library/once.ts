interface Once<T> {
  get(): Promise<T>;
  /** What is open or being opened; null when nothing is. */
  opened(): Promise<T | null>;
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
