import { type Random, shuffled } from "./random.ts";

/**
 * The order of every round. Within a round each subject runs once, back to back with the others, so that a slow moment
 * of the machine meets all of them; the order is drawn anew per round, so that nobody always inherits a warm cache.
 *
 * @returns one list of subject names per round
 */
export function alternation(subjects: readonly string[], rounds: number, random: Random): string[][] {
  return Array.from({ length: rounds }, () => shuffled(subjects, random));
}
