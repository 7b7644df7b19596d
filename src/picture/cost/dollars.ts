/** "$0.065", or "an unknown amount". */
export function dollars(usd: number | null): string {
  if (usd === null) return 'an unknown amount';
  return `$${usd.toFixed(usd >= 0.0995 ? 2 : 3)}`;
}
