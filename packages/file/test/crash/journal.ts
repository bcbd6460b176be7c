/** What a writer says before and after each step, in single writes to a pipe, which outlive it. */
export type Entry =
  | { readonly say: "ready" }
  | { readonly say: "start"; readonly step: Step }
  /** The step is done; its promise resolved. */
  | { readonly say: "done" }
  /** The step was refused, which the model allows; nothing changed. */
  | { readonly say: "refused" };

/** One call of a writer. `id` names the version that it makes. */
export type Step =
  | { readonly kind: "write" | "create" | "replace"; readonly path: string; readonly id: string }
  | { readonly kind: "delete"; readonly path: string }
  | { readonly kind: "describe"; readonly path: string; readonly note: string }
  | { readonly kind: "copy" | "move"; readonly path: string; readonly to: string }
  | { readonly kind: "stage"; readonly path: string; readonly id: string }
  | { readonly kind: "commit"; readonly path: string; readonly id: string; readonly token: string }
  | { readonly kind: "count" };

/** A generator of random numbers that a seed repeats (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
