import type { Message, MessageInput } from "./message.ts";

/** Metadata that a dead letter carries beside its own. */
export const DEAD_LETTER = {
  /** `name` of the error. */
  errorName: "omni-error-name",
  errorMessage: "omni-error-message",
  errorStack: "omni-error-stack",
  /** Deliveries, the last one included. */
  attempts: "omni-attempts",
  /** Topic that the message was on. */
  originTopic: "omni-origin-topic",
  originGroup: "omni-origin-group",
  /** Where the broker kept it there, where brokers have positions: `stream/partition/sequence`. */
  originPosition: "omni-origin-position",
} as const;

const MAX_MESSAGE_CHARS = 1024;
const MAX_STACK_CHARS = 4096;

/** What became of a message. */
export interface Failure {
  readonly error: unknown;
  readonly attempts: number;
  readonly topic: string;
  readonly group: string;
}

/**
 * The dead letter of a message: the same id, key, source, data and time, and the failure in its metadata. The same id makes a second dead letter of
 * one message a duplicate.
 */
export function toDeadLetter(message: Message, failure: Failure, topic: string): MessageInput {
  const error = failure.error instanceof Error ? failure.error : new Error(String(failure.error));
  const { position } = message;
  const at = [position?.stream, position?.partition, position?.sequence].filter((part) => part !== undefined).join("/");
  const metadata = {
    ...message.metadata,
    [DEAD_LETTER.errorName]: error.name,
    [DEAD_LETTER.errorMessage]: cut(error.message, MAX_MESSAGE_CHARS),
    [DEAD_LETTER.errorStack]: cut(error.stack ?? "", MAX_STACK_CHARS),
    [DEAD_LETTER.attempts]: String(failure.attempts),
    [DEAD_LETTER.originTopic]: failure.topic,
    [DEAD_LETTER.originGroup]: failure.group,
    ...(at === "" ? {} : { [DEAD_LETTER.originPosition]: at }),
  };
  const { id, key, source, data, timestamp } = message;
  return { id, topic, key, source, data, timestamp, metadata };
}

/** The message that a dead letter was, to publish it again: the failure taken out of its metadata. */
export function fromDeadLetter(letter: Message): MessageInput {
  const added: ReadonlySet<string> = new Set(Object.values(DEAD_LETTER));
  const metadata = Object.fromEntries(Object.entries(letter.metadata).filter(([name]) => !added.has(name)));
  const { id, key, source, data, timestamp } = letter;
  return { id, topic: letter.metadata[DEAD_LETTER.originTopic], key, source, data, timestamp, metadata };
}

// Half of a surrogate pair is no text.
function cut(text: string, maxChars: number): string {
  return (text.length <= maxChars ? text : `${text.slice(0, maxChars - 1)}…`).toWellFormed();
}
