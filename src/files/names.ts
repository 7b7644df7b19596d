/** In composed Unicode: macOS hands out names in the decomposed form, and people type the composed one. */
export function composed(text: string): string {
  return text.normalize('NFC');
}

/** The form in which macOS hands out names. */
export function decomposed(text: string): string {
  return text.normalize('NFD');
}

/** What names are compared by where neither case nor the form of an accent is to count. */
export function foldedName(name: string): string {
  return composed(name).toLowerCase();
}
