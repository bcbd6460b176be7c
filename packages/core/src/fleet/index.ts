/**
 * Instances of one application that go through states together, two of them never more than one state apart: for migrations between stores and between
 * brokers.
 *
 * @module
 */
export { type Fleet, type FleetOptions, fleet, type MoveOptions } from "./fleet.ts";
export type { Membership, Shift } from "./membership.ts";
export type { FleetState, Registration } from "./records.ts";
