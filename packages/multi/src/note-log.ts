import { createHash, randomUUID } from "node:crypto";
import { type Backend, layer, OmniError, type WriteStamp } from "@omni/core";
import type { MissedChange } from "./events.ts";
import { type GroupRecord, openGroup } from "./journal/group-record.ts";
import { JOURNAL_PREFIX } from "./journal/log.ts";
import type { Member } from "./members.ts";
import type { MultiSettings } from "./options.ts";
import type { Decided, RepairNotes } from "./repair-notes.ts";
import { compareVersions } from "./versions.ts";

const NOTES = `${JOURNAL_PREFIX}notes/`;

/** A note as it is kept: a record of its own under `notes/<hash of the path>/`, created once and never changed. */
interface Note extends MissedChange {
  readonly v: 1;
  readonly stamp: WriteStamp;
  /** Milliseconds since the epoch: for people. */
  readonly at: number;
}

/** How often the notes of a path are listed while others settle them. */
const LOOKS = 20;

/**
 * The repair notes of a group in mode `quorum` or `best-effort`, in its journal. A note of a delete is its tombstone. The newest one of a path stays for
 * ever: versions go on from it, and a write that comes late, over nothing, is known by it for older than the delete.
 */
export class NoteLog implements RepairNotes {
  readonly #backend: Backend;
  readonly #journal: Backend;
  readonly #members: readonly Member[];
  readonly #settings: MultiSettings;
  #opened: Promise<GroupRecord> | undefined;

  constructor(journal: Backend, members: readonly Member[], settings: MultiSettings) {
    this.#journal = journal;
    this.#backend = layer(journal, () => ({}), { reserved: true });
    this.#members = members;
    this.#settings = settings;
  }

  async add({ operation, path, members, isUnsure, stamp = { id: randomUUID() } }: MissedChange): Promise<void> {
    await this.#open();
    const note: Note = { v: 1, operation, path, members, stamp, isUnsure, at: this.#settings.clock?.now() ?? Date.now() };
    await this.#backend.write(`${folderOf(path)}${randomUUID()}`, JSON.stringify(note), this.#call);
  }

  async *list(prefix: string, signal: AbortSignal | undefined): AsyncGenerator<{ readonly path: string }, void> {
    await this.#open();
    let before: string | undefined;
    for await (const { path: name } of this.#backend.list(NOTES, { ...this.#call, signal })) {
      const folder = name.slice(0, name.lastIndexOf("/") + 1);
      // Where the journal lists in order, the notes of a path stand together.
      if (folder === before) continue;
      const note = await this.#read(name);
      if (note === undefined) continue;
      before = folder;
      if (note.path.startsWith(prefix)) yield { path: note.path };
    }
  }

  async settle(path: string, upTo: WriteStamp): Promise<void> {
    const notes = await this.#notesOf(path);
    const tombstone = newestOf(notes.map(({ note }) => note).filter(({ operation }) => operation === "delete"));
    for (const { name, note } of notes)
      if (note !== tombstone && compareVersions(note.stamp, upTo) <= 0) await this.#backend.delete(name, this.#call);
  }

  async decided(path: string): Promise<Decided | undefined> {
    await this.#open();
    const notes = (await this.#notesOf(path)).map(({ note }) => note).sort((a, b) => compareVersions(a.stamp, b.stamp));
    let last: Decided | undefined;
    for (const { operation, stamp, isUnsure } of notes)
      last = { state: operation === "delete" ? "deleted" : "present", stamp, isUnsure, before: last };
    return last;
  }

  async #notesOf(path: string): Promise<readonly { readonly name: string; readonly note: Note }[]> {
    for (let look = 1; look <= LOOKS; look++) {
      const notes: { readonly name: string; readonly note: Note }[] = [];
      let isWhole = true;
      for await (const { path: name } of this.#backend.list(folderOf(path), this.#call)) {
        const note = await this.#read(name);
        if (note === undefined) isWhole = false;
        else if (note.path === path) notes.push({ name, note });
      }
      // One that was settled meanwhile may have given way to a newer one, which the listing did not show yet.
      if (isWhole) return notes;
    }
    const reason = `the journal lists notes of it that are not there, ${LOOKS} times in a row`;
    throw new OmniError("UNAVAILABLE", { backend: "multi", operation: "journal", path, reason });
  }

  /** A note; nothing when somebody settled it meanwhile. */
  async #read(name: string): Promise<Note | undefined> {
    try {
      return await (await this.#backend.read(name, this.#call)).json<Note>();
    } catch (error) {
      if (OmniError.is(error, "NOT_FOUND")) return undefined;
      throw error;
    }
  }

  /** The journal belongs to these members, or is refused. */
  async #open(): Promise<void> {
    const { adopt, changeMembers, memberTimeoutMs: timeoutMs } = this.#settings;
    this.#opened ??= openGroup(this.#journal, this.#members, { adopt, changeMembers, timeoutMs, hasOpen: async () => false });
    try {
      await this.#opened;
    } catch (error) {
      // It may be reachable the next time.
      this.#opened = undefined;
      throw error;
    }
  }

  get #call(): { readonly timeoutMs: number } {
    return { timeoutMs: this.#settings.memberTimeoutMs };
  }
}

function newestOf(notes: readonly Note[]): Note | undefined {
  let newest: Note | undefined;
  for (const note of notes) if (!newest || compareVersions(note.stamp, newest.stamp) > 0) newest = note;
  return newest;
}

function folderOf(path: string): string {
  return `${NOTES}${createHash("sha256").update(path).digest("hex").slice(0, 40)}/`;
}
