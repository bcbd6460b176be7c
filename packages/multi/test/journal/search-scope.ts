// The words of the search: its scopes, what is weakened in it, and what a state of it holds.
import type { DeleteWay } from "../../src/journal/deleting.ts";
import type { Head, Intent, Known, Sight } from "../../src/journal/protocol.ts";

/** What is left out of the protocol, to be found out. */
export type Weakness =
  | "no order per path"
  | "commits are plain PUTs"
  | "commits are PUTs under a content ETag"
  | "commits are PUTs under a generation"
  | "repairs past the journal"
  | "nothing committed yet, so discard"
  | "no restaging"
  | "deletes without a condition"
  | "restaged tokens are used before the head has them"
  | "close although a member is silent";

export interface Scope {
  /** What each actor does: writes bytes, deletes, recovers, or repairs. */
  readonly actors: readonly ("x" | "y" | "delete" | "recover" | "repair")[];
  /** How the members delete: under a generation, by a mark of their own first, or by a mark that stays. */
  readonly deletes: DeleteWay;
  /** How often each may happen, at any moment. */
  readonly crashes?: number;
  readonly expiries?: number;
  readonly late?: number;
  readonly lost?: number;
  readonly repeats?: number;
  /** Past the journal: a member loses its object, or has its first one again. */
  readonly accidents?: number;
  /** The members hold nothing at first. */
  readonly isEmpty?: boolean;
}

/** What a request answers. */
export type Answer = Known;

/** What is sent to a member or to the journal. */
export interface Request {
  readonly on: "commit" | "remove" | "look" | "cas" | "put";
  readonly member?: string;
  readonly intent?: Intent;
  readonly sight?: Sight;
  readonly record?: Head;
}

/** Somebody who changes the group, and how far it came. */
export interface Actor {
  phase: "look" | "stage" | "read" | "decide" | "mend" | "finish" | "end";
  /** What a repair saw at the members. */
  sights?: Record<string, string | null>;
  /** The head as it was read, and what is known of the members. */
  seen?: Head;
  known: [string, Known][];
  /** The record that the actor tried to decide by. */
  mine?: Head;
  restaged?: Record<string, string>;
}

/** Everything at one moment. */
export interface State {
  head?: Head;
  members: Record<string, { shows: string | null; generation: number }>;
  tokens: Record<string, "staged" | "used" | "gone">;
  net: Request[];
  actors: Actor[];
  left: { crashes: number; expiries: number; late: number; lost: number; repeats: number; accidents: number };
  /** There was an accident; then a change was decided. When it is closed all members are the same again. */
  accident?: "happened" | "met";
  order: string[];
  acknowledged: string[];
}

export const MEMBERS: readonly ["a", "b"] = ["a", "b"];
/** The write that the members hold at first. */
export const FIRST = "w0";
/** What an actor does first. */
export const FIRST_PHASE: Readonly<Record<Scope["actors"][number], Actor["phase"]>> = {
  x: "stage",
  y: "stage",
  delete: "stage",
  recover: "read",
  repair: "look",
};
