/** "stage: input; categories: violence, hate": what the API tells of a block, wherever in the error it tells it. */
export function moderationOf(error: unknown, said: string): string {
  const found = { stage: new Set<string>(), categories: new Set<string>() };
  gather(error, found, 0);
  // Older replies say it only in the sentence: "safety_violations=[violence]".
  for (const name of /safety_violations=\[([^\]]*)\]/.exec(said)?.[1]?.split(',') ?? []) {
    if (name.trim() !== '') found.categories.add(name.trim());
  }
  const parts = [
    ...(found.stage.size === 0 ? [] : [`stage: ${[...found.stage].join(', ')}`]),
    ...(found.categories.size === 0 ? [] : [`categories: ${[...found.categories].join(', ')}`]),
  ];
  return parts.join('; ');
}

interface Found {
  readonly stage: Set<string>;
  readonly categories: Set<string>;
}

/** Stages and categories come as a name, as lists of names, or as names with a verdict each. */
function gather(value: unknown, found: Found, depth: number): void {
  if (typeof value !== 'object' || value === null || depth > 6) return;
  for (const [key, part] of Object.entries(value)) {
    if (/stage/i.test(key)) for (const name of names(part)) found.stage.add(name);
    if (/categor|violation/i.test(key)) for (const name of names(part)) found.categories.add(name);
    gather(part, found, depth + 1);
  }
}

function names(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.filter((part): part is string => typeof part === 'string');
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, verdict]) => (verdict === true ? [name] : []));
}
