import { toBytes } from "../body.ts";
import { OmniError, quote } from "../error.ts";
import { currentCorrelation } from "./correlation.ts";
import { PortableMessage } from "./envelope.ts";
import { newId } from "./id.ts";
import type { Message, MessageInput } from "./message.ts";

const EMPTY_DATA = new Uint8Array(0);
const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({});

/** What messages get that name it not themselves. */
export interface MessageDefaults {
  readonly topic: string | undefined;
  readonly source: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Checks and completes what `publish` was given.
 *
 * @throws OmniError INVALID_ARGUMENT naming the field, its value and what it has to be
 */
export function toMessage(input: MessageInput, defaults: MessageDefaults): Message {
  if (typeof input !== "object" || input === null) throw invalid("a message", input, "an object like { topic, data }");
  const { now } = defaults;
  const timestamp = input.timestamp ?? now;
  if (!Number.isInteger(timestamp) || timestamp < 0)
    throw invalid("timestamp", input.timestamp, "whole milliseconds since the epoch");
  return new PortableMessage({
    id: input.id === undefined ? newId(now) : checkText("id", input.id, 256),
    topic: checkTopic(input.topic ?? defaults.topic),
    key: input.key === undefined ? undefined : checkKey(input.key),
    source: input.source === undefined ? defaults.source : checkText("source", input.source, 1024),
    data: toData(input.data),
    metadata: toMetadata(input.metadata),
    timestamp,
    position: undefined,
  });
}

/** @throws OmniError INVALID_ARGUMENT when there is no topic, or one that no broker takes */
export function checkTopic(topic: unknown): string {
  if (topic === undefined) {
    throw new OmniError("INVALID_ARGUMENT", {
      reason: "no topic: name one in the call, or give the queue a default `topic`",
      outcome: "not-applied",
    });
  }
  return checkText("topic", topic, 249);
}

function checkText(field: string, value: unknown, maxChars: number): string {
  if (typeof value !== "string") throw invalid(field, value, "a string");
  if (value === "" || value.length > maxChars || hasControl(value) || !value.isWellFormed()) {
    throw invalid(field, value, `1 to ${maxChars} characters of text without control characters`);
  }
  return value;
}

function checkKey(key: unknown): string {
  if (typeof key !== "string") throw invalid("key", key, "a string");
  if (key.length > 1024 || !key.isWellFormed()) throw invalid("key", key, "at most 1024 characters of text");
  return key;
}

function toData(data: unknown): Uint8Array {
  if (data === undefined) return EMPTY_DATA;
  if (typeof data === "string") return Buffer.from(data);
  if (data === null || typeof data !== "object") throw invalid("data", data, "a string, Uint8Array or ArrayBuffer");
  try {
    return toBytes(data);
  } catch (cause) {
    const what = "a string, Uint8Array or ArrayBuffer; for objects use JSON.stringify";
    throw new OmniError("INVALID_ARGUMENT", {
      reason: `data is ${describe(data)}, it has to be ${what}`,
      outcome: "not-applied",
      cause,
    });
  }
}

function toMetadata(given: unknown): Readonly<Record<string, string>> {
  const carried = currentCorrelation();
  if (given === undefined) return carried ? Object.freeze({ ...carried }) : NO_METADATA;
  if (typeof given !== "object" || given === null) throw invalid("metadata", given, "a record of strings");
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== "string") throw invalid(`metadata ${quote(name)}`, value, "a string");
    // Half of a surrogate pair is no text: nothing can carry it.
    if (!value.isWellFormed() || !name.isWellFormed()) throw invalid(`metadata ${quote(name)}`, value, "well-formed text");
  }
  return Object.freeze({ ...carried, ...(given as Record<string, string>) });
}

function invalid(field: string, value: unknown, expected: string): OmniError {
  return new OmniError("INVALID_ARGUMENT", {
    reason: `${field} is ${describe(value)}, it has to be ${expected}`,
    outcome: "not-applied",
  });
}

function describe(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "object" && value !== null) return `of type ${value.constructor?.name ?? "object"}`;
  return String(value);
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
