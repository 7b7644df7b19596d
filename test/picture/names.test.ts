import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameFromPrompt } from '../../src/picture/names.ts';

describe('a name from a prompt', () => {
  it.each([
    ["four-panel comic of this cat's day", 'four-panel-comic-of-this-cat-s-day'],
    ['Crème brûlée 2', 'creme-brulee-2'],
    ['CON', 'con-picture'],
    ['...', 'picture'],
  ])('of %j is %s', (prompt, name) => {
    expect(nameFromPrompt(prompt)).toBe(name);
  });

  it('tells prompts apart that have hardly a Latin letter', () => {
    const prompts = ['🐱', '🐶', '🐱🐶', '猫の一日', '犬の一日', 'кот 4 панели', 'пёс 4 панели', 'كلب', 'كلبي'];
    expect(new Set(prompts.map(nameFromPrompt)).size).toBe(prompts.length);
  });

  it('is what every file system takes, and always the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (prompt) => {
        expect(nameFromPrompt(prompt)).toMatch(/^[a-z0-9](?:[a-z0-9-]{0,68}[a-z0-9])?$/);
        expect(nameFromPrompt(prompt)).toBe(nameFromPrompt(prompt));
      }),
    );
  });
});
