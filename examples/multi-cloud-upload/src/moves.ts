// Moves run behind the requests that asked for them; how far they are is told to every page.
import { OmniError } from "@omni/core";
import { CLOUDS, type CloudName, type Stores } from "./clouds.ts";
import type { Feed } from "./feed.ts";
import { viewOf } from "./files.ts";

/** How often a move says how far it is, at most. */
const EVERY_MS = 50;

export class Moves {
  readonly #stores: Stores;
  readonly #feed: Feed;
  readonly #running = new Map<string, Promise<void>>();
  readonly #ended = new AbortController();

  constructor(stores: Stores, feed: Feed) {
    this.#stores = stores;
    this.#feed = feed;
  }

  /**
   * Begins to move a file.
   *
   * @throws OmniError INVALID_ARGUMENT, NOT_FOUND, PRECONDITION_FAILED while it is being moved already
   */
  async begin(id: string, to: string): Promise<void> {
    if (!Object.hasOwn(CLOUDS, to)) throw new OmniError("INVALID_ARGUMENT", { reason: `there is no cloud ${JSON.stringify(to)}` });
    const object = await this.#stores.catalogue.get(id);
    if (!object) throw new OmniError("NOT_FOUND", { reason: "there is no such file" });
    if (this.#running.has(id))
      throw new OmniError("PRECONDITION_FAILED", {
        reason: `${object.filename} is being moved already; wait until it has arrived`,
      });
    const move = this.#move(id, to as CloudName, object.size).finally(() => this.#running.delete(id));
    this.#running.set(id, move);
  }

  /** Gives up what is under way, which stays where it was. */
  async close(): Promise<void> {
    this.#ended.abort(new Error("the application ends"));
    await Promise.all(this.#running.values());
  }

  async #move(id: string, to: CloudName, totalBytes: number): Promise<void> {
    let said = Number.NEGATIVE_INFINITY;
    const tell = (bytes: number): void => {
      if (performance.now() - said < EVERY_MS && bytes < totalBytes) return;
      said = performance.now();
      this.#feed.send({ type: "moving", id, to, bytes, totalBytes });
    };
    tell(0);
    try {
      const { signal } = this.#ended;
      const moved = await this.#stores.clouds.move(id, { to, onProgress: ({ bytes }) => tell(bytes), signal });
      this.#feed.send({ type: "stored", file: viewOf(moved) });
    } catch (error) {
      // Nobody waits for this move but the pages.
      this.#feed.send({ type: "move-failed", id, to, message: (error as Error).message });
    }
  }
}
