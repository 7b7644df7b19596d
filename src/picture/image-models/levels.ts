/** From the quickest to the finest. */
export const QUALITIES = ['low', 'medium', 'high', 'xhigh', 'max'] as const;
export const COMPLEXITIES = ['low', 'medium', 'high'] as const;
export type Quality = (typeof QUALITIES)[number] | 'auto';
export type Complexity = (typeof COMPLEXITIES)[number];
