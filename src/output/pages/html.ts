import { printable } from '../text.ts';

/** Markup that is safe to stand in a page; only `html` and `rawHtml` make it. */
export class Html {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
}

type HtmlValue = string | number | Html | null | readonly Html[];

/** A template whose every value is made printable and escaped, in text and in quoted attributes alike. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings.reduce((page, text, i) => page + markup(values[i - 1] ?? null) + text));
}

/** Our own text that must not be escaped, such as a style sheet. */
export function rawHtml(text: string): Html {
  return new Html(text);
}

function markup(value: HtmlValue): string {
  if (value === null) return '';
  if (value instanceof Html) return value.markup;
  if (typeof value === 'object') return value.map((part) => part.markup).join('');
  return escaped(printable(String(value)));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Lone surrogates and noncharacters have no place in HTML or XML. */
export function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Noncharacter_Code_Point}/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
