import type { RenderPhoto } from '../../photos/render.ts';
import { inside } from '../paths.ts';
import { realFolder } from '../scopes.ts';
import type { Session } from '../session.ts';
import type { Rule } from './keeper.ts';
import type { Kind } from './stars.ts';

/** What is to be thinned out; folders are absolute. */
export interface DedupeRequest {
  /** Only photos below these; none for all that is indexed. */
  readonly folders: readonly string[];
  /** Only what is there already, below this folder: its photos stay, and only others yield to them. */
  readonly against?: string;
  /** Photos below these never yield. */
  readonly protect: readonly string[];
  /** Photos below these are preferred as keepers, those of the first most of all. */
  readonly prefer: readonly string[];
  readonly kinds: readonly Kind[];
  /** Rules that count before the others, in their order. */
  readonly keep: readonly Rule[];
  /** How many frames of a burst stay, the best of them; without it one stays, by the rules of any kind. */
  readonly best?: number;
}

export type DedupeEvent =
  | { readonly kind: 'listing'; readonly done: number; readonly total: number }
  | { readonly kind: 'comparing'; readonly share: number }
  | { readonly kind: 'inspecting'; readonly done: number; readonly total: number }
  | { readonly kind: 'confirming'; readonly done: number; readonly total: number }
  | { readonly kind: 'judging'; readonly done: number; readonly total: number };

export interface DedupeDeps {
  readonly session: Session;
  readonly render: RenderPhoto;
  readonly signal: AbortSignal;
  /** Threads that may compare vectors at once; this one alone unless given. */
  readonly threads?: number;
  onEvent(event: DedupeEvent): void;
}

/** The folders of a request as the file system knows them. */
export interface Places {
  readonly folders: readonly string[];
  readonly against: string | null;
  readonly protect: readonly string[];
  readonly prefer: readonly string[];
}

/** @throws UserError `folder_missing` where a folder that is to protect does not exist: a slip would protect nothing. */
export async function placesOf({ folders, against, protect, prefer }: DedupeRequest): Promise<Places> {
  // A drive that is away has no real path, but its photos are in the index.
  const real = (folder: string): Promise<string> => realFolder(folder).catch(() => folder);
  return {
    folders: await Promise.all(folders.map(real)),
    against: against === undefined ? null : await real(against),
    protect: await Promise.all(protect.map(realFolder)),
    prefer: await Promise.all(prefer.map(realFolder)),
  };
}

/** Whether a file belongs to what is compared against; a folder to be thinned out may lie inside of that. */
export function isBase({ folders, against }: Places, file: string): boolean {
  return against !== null && inside(against, file) !== null && folders.every((folder) => inside(folder, file) === null);
}
