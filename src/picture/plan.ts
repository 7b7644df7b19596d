import type { ChosenModel } from './image-models.ts';
import type { LineageReference } from './lineage.ts';
import type { Parameters } from './port.ts';
import type { Reference } from './references.ts';

/** A picture that will be sent, and why. */
export interface PlannedReference {
  readonly reference: Reference;
  readonly role: LineageReference['role'];
  readonly score: number | null;
  readonly reason: string;
  /** How the person gave its path, or how a lineage file had it. */
  readonly given: 'absolute' | 'relative';
}

/** Everything about a request before it is sent. */
export interface Plan {
  readonly verb: 'comic' | 'refine' | 'replay';
  /** As the person wrote it. */
  readonly prompt: string;
  readonly model: ChosenModel;
  /** A conversation, or null for a single edit. */
  readonly conversation: { readonly model: string; readonly previousResponseId: string | null } | null;
  readonly parameters: Parameters;
  /** In the order they are sent: the most important first. */
  readonly references: readonly PlannedReference[];
  /** Tokens of pictures that are not sent but stand in the conversation: they are paid again. */
  readonly rememberedTokens: number;
  readonly parent: { readonly file: string; readonly given: 'absolute' | 'relative'; readonly sha256: string } | null;
  /** The text for the references that are left once the budget is kept. */
  textFor(references: readonly PlannedReference[]): string;
}

/** "reference-01.jpg": tells nothing of the original's name. */
export function sentName(index: number): string {
  return `reference-${String(index + 1).padStart(2, '0')}.jpg`;
}
