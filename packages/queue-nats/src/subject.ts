import { createHash } from "node:crypto";
import { OmniError } from "@omni/core";

/**
 * The subject of a topic.
 *
 * @throws OmniError INVALID_ARGUMENT for a topic that is no subject
 */
export function subjectOf(prefix: string, topic: string): string {
  if (/[\s*>]/.test(topic) || topic.startsWith(".") || topic.endsWith(".") || topic.includes("..")) {
    const reason = `the topic ${JSON.stringify(topic)} is no NATS subject: it must not have blanks, * or >, nor begin or end with a dot, nor have two in a row`;
    throw new OmniError("INVALID_ARGUMENT", { topic, reason, outcome: "not-applied" });
  }
  return prefix + topic;
}

/**
 * What JetStream's dedupe goes by. It is one space for all subjects of a stream, so that the topic belongs to it; what is no plain
 * ASCII is escaped, for servers trim blanks and two ids must never become one.
 */
export function messageId(topic: string, id: string): string {
  return `${escapeText(topic, TOPIC)}:${escapeText(id, ID)}`;
}

const TOPIC = /[^\x21-\x24\x26-\x39\x3b-\x7e]+/g;
const ID = /[^\x21-\x24\x26-\x7e]+/g;

function escapeText(text: string, except: RegExp): string {
  return text.replace(except, encodeURIComponent);
}

/** Name of the durable consumer of a group on a topic: readable, and its own by a digest. */
export function durableName(topic: string, group: string): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([group, topic]))
    .digest("hex")
    .slice(0, 12);
  return `${readable(group)}-${readable(topic)}-${digest}`;
}

function readable(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]+/g, "_").slice(0, 80);
}

/** Whether a filter of NATS (`orders.*`, `orders.>`) takes a subject or everything that another filter takes. */
export function covers(filter: string, subject: string): boolean {
  const wanted = filter.split(".");
  const given = subject.split(".");
  for (const [i, token] of wanted.entries()) {
    if (token === ">") return given.length > i;
    const other = given[i];
    if (other === undefined || other === ">") return false;
    if (token !== "*" && token !== other) return false;
  }
  return wanted.length === given.length;
}
