import type { Clock } from "@omni/core";

/** One copy under way. */
export interface ActiveCopy {
  readonly path: string;
  readonly bytes: number;
  readonly totalBytes: number;
  /** Milliseconds until it is there, at its own pace; absent while nobody can tell. */
  readonly etaMs?: number | undefined;
}

/** How far a run is. */
export interface SyncProgress {
  readonly phase: "checking" | "renaming" | "deleting" | "done";
  /** Paths looked at. */
  readonly checked: number;
  /** What is known to be copied so far, done or not: it grows until everything has been looked at. */
  readonly planned: { readonly objects: number; readonly bytes: number };
  /** What has been copied. */
  readonly done: { readonly objects: number; readonly bytes: number };
  /** Copies under way. */
  readonly active: readonly ActiveCopy[];
  readonly failed: number;
  /** Over the whole run so far. */
  readonly bytesPerSecond: number;
  /** Milliseconds until what is planned so far is copied; absent while nobody can tell. */
  readonly etaMs?: number | undefined;
}

// Bytes are told so often at most; the begin and end of each copy always.
const EVERY_MS = 100;

/** Counts what happens and tells whoever listens. */
export class Progress {
  readonly #tell: ((progress: SyncProgress) => void) | undefined;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #active = new Map<string, { path: string; bytes: number; totalBytes: number; beganAt: number }>();
  #toldAt = 0;
  phase: SyncProgress["phase"] = "checking";
  checked = 0;
  failed = 0;
  plannedObjects = 0;
  plannedBytes = 0;
  doneObjects = 0;
  doneBytes = 0;

  constructor(tell: ((progress: SyncProgress) => void) | undefined, clock: Clock) {
    this.#tell = tell;
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  enter(phase: SyncProgress["phase"]): void {
    this.phase = phase;
    this.tell();
  }

  begin(path: string, totalBytes: number): void {
    this.#active.set(path, { path, bytes: 0, totalBytes, beganAt: this.#clock.now() });
    this.tell();
  }

  move(path: string, bytes: number): void {
    const active = this.#active.get(path);
    if (active) active.bytes += bytes;
    if (this.#tell && this.#clock.now() - this.#toldAt >= EVERY_MS) this.tell();
  }

  /** A copy begins again: its bytes do not count. */
  rewind(path: string): void {
    const active = this.#active.get(path);
    if (active) Object.assign(active, { bytes: 0, beganAt: this.#clock.now() });
  }

  end(path: string, bytes: number | undefined): void {
    this.#active.delete(path);
    if (bytes !== undefined) {
      this.doneObjects++;
      this.doneBytes += bytes;
    }
    this.tell();
  }

  tell(): void {
    if (!this.#tell) return;
    const now = this.#clock.now();
    this.#toldAt = now;
    const active = [...this.#active.values()].map(({ path, bytes, totalBytes, beganAt }) => ({
      path,
      bytes,
      totalBytes,
      ...(bytes > 0 && now > beganAt ? { etaMs: (Math.max(0, totalBytes - bytes) * (now - beganAt)) / bytes } : {}),
    }));
    const moved = active.reduce((sum, { bytes }) => sum + bytes, this.doneBytes);
    const seconds = (now - this.#startedAt) / 1_000;
    const bytesPerSecond = seconds > 0 ? moved / seconds : 0;
    this.#tell({
      phase: this.phase,
      checked: this.checked,
      planned: { objects: this.plannedObjects, bytes: this.plannedBytes },
      done: { objects: this.doneObjects, bytes: this.doneBytes },
      active,
      failed: this.failed,
      bytesPerSecond,
      ...(bytesPerSecond > 0 ? { etaMs: (Math.max(0, this.plannedBytes - moved) / bytesPerSecond) * 1_000 } : {}),
    });
  }
}
