import { type CommandSpec, defineCommand } from "../command.ts";

export const PUBLISH_OPTIONS = {
  key: { kind: "text", short: "k", about: "messages of one key keep their order" },
  id: { kind: "text", about: "identity of the message, for a repeat (one message alone)" },
  metadata: { kind: "texts", value: "name=value", about: "metadata that travels with the messages; repeatable" },
  source: { kind: "text", about: "who sends them" },
  whole: { kind: "flag", about: "all of stdin is one message" },
  jsonLines: { kind: "flag", about: "each line is an object: data or dataBase64, and id, key, metadata, source" },
  timeout: { kind: "duration", about: "until a message without the broker's word is in doubt", default: "10s" },
} as const;

export const CONSUME_OPTIONS = {
  count: { kind: "count", short: "c", about: "end after so many messages" },
  timeout: { kind: "duration", short: "t", about: "end when no message came for so long" },
  group: { kind: "text", short: "g", about: "consumers of one group share the messages", default: "the queue's, else omni" },
  from: { kind: "text", choices: ["earliest", "latest"], about: "where a new group starts" },
  peek: { kind: "flag", about: "show what the broker keeps, and consume nothing" },
  last: { kind: "count", about: "with --peek: the last so many" },
} as const;

export const STATS_OPTIONS = {
  group: { kind: "text", short: "g", about: "whose waiting messages are counted", default: "the queue's, else omni" },
} as const;

export const DLQ_OPTIONS = {
  letters: { kind: "text", value: "topic", about: "the topic of dead letters", default: "the topic's name and .dlq" },
  count: { kind: "count", short: "c", about: "at most so many" },
  id: { kind: "texts", about: "replay only the message with this id; repeatable" },
  newId: { kind: "flag", about: "replay under a new id, where the broker takes the old one for a duplicate" },
  timeout: { kind: "duration", short: "t", about: "replay ends when no dead letter came for so long", default: "5s" },
} as const;

const HEADING = "Queues";
const QUEUE = {
  name: "<queue>",
  about: "nats://host:4222/topic, kafka://host:9092/topic, or name:topic of omni.config; env is the queue of QUEUE_TYPE",
} as const;

/** The commands on queues. */
export const queueCommands: readonly CommandSpec[] = [
  defineCommand({
    name: "queue publish",
    heading: HEADING,
    summary: "Publish messages from arguments or the lines of stdin",
    description:
      "Each message is there when its line is printed (with --json), all of them when the command ends. Exit code 2: of some nobody knows whether the broker has them; publish them again under the same id.",
    arguments: [QUEUE, { name: "[messages...]", about: "their texts (default: the lines of stdin)" }],
    options: PUBLISH_OPTIONS,
    changes: true,
    examples: [
      { command: "omni queue publish orders:new '{\"id\":1}' --key customer-7", about: "one message" },
      { command: "omni queue publish nats://localhost:4222/orders < orders.txt", about: "one message a line" },
      {
        command: "omni queue consume a:jobs -t 5s --json | omni queue publish b:jobs --json-lines",
        about: "from one broker to another, ids kept",
      },
    ],
    load: () => import("./queue-publish.ts"),
  }),
  defineCommand({
    name: "queue consume",
    heading: HEADING,
    summary: "Print messages and acknowledge each after it is printed",
    description:
      "Goes on until Ctrl-C, or until --count or --timeout ends it. Exit code 2: --timeout came before --count was reached.",
    arguments: [QUEUE],
    options: CONSUME_OPTIONS,
    examples: [
      { command: "omni queue consume orders:new --group me --json", about: "every message, as JSON, until Ctrl-C" },
      {
        command: "omni queue consume orders:new --count 10 --timeout 5s",
        about: "ten messages, or what comes within five seconds",
      },
      { command: "omni queue consume orders:new --peek --last 3", about: "look, and leave them there" },
    ],
    load: () => import("./queue-consume.ts"),
  }),
  defineCommand({
    name: "queue stats",
    heading: HEADING,
    summary: "Show whether a broker answers, and how many messages wait",
    arguments: [QUEUE],
    options: STATS_OPTIONS,
    examples: [{ command: "omni queue stats orders:new --group billing", about: "what the group billing has before it" }],
    load: () => import("./queue-stats.ts"),
  }),
  defineCommand({
    name: "queue dlq",
    heading: HEADING,
    summary: "List dead letters, or publish them again to where they came from",
    description:
      "`list` shows all that the broker keeps, replayed ones too; nothing is consumed. `replay` publishes each to its topic under its id and acknowledges it after that, in the group omni-dlq. Exit code 2: some were taken for duplicates by the broker and stay.",
    arguments: [{ name: "<action>", about: "list or replay", choices: ["list", "replay"] }, QUEUE],
    options: DLQ_OPTIONS,
    changes: true,
    examples: [
      { command: "omni queue dlq list orders:new", about: "what failed, how often, and why" },
      { command: "omni queue dlq replay orders:new --count 1", about: "try one" },
      { command: "omni queue dlq replay orders:new --id 0199-...", about: "this one" },
    ],
    load: () => import("./queue-dlq.ts"),
  }),
];
