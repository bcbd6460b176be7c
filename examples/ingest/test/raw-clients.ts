// What lies on the brokers, read with the brokers' own clients: every id of a topic.
import { setTimeout as wait } from "node:timers/promises";
import type { RunningServer } from "@omni/servers";
import { Kafka, logLevel } from "kafkajs";
import { connect } from "nats";

/** Ids of the messages that NATS keeps of a topic. */
export async function idsInNats({ url }: RunningServer, topic: string): Promise<readonly string[]> {
  const connection = await connect({ servers: url });
  try {
    const { streams } = await connection.jetstreamManager();
    const subject = `OMNI.${topic}`;
    const { state } = await streams.info("OMNI", { subjects_filter: subject });
    const found: string[] = [];
    for (let seq = 1, left = state.subjects?.[subject] ?? 0; left > 0; left--) {
      const message = await streams.getMessage("OMNI", nextBySubject(seq, subject));
      found.push(message.header.get("omni-id"));
      seq = message.seq + 1;
    }
    return found;
  } finally {
    await connection.close();
  }
}

/** The server knows this request, the types of the client do not: https://docs.nats.io/reference/reference-protocols/nats_api_reference */
function nextBySubject(seq: number, subject: string): { readonly seq: number } {
  return Object.assign({ seq }, { next_by_subj: subject });
}

/** Ids of the messages that Kafka keeps of a topic. */
export async function idsInKafka({ url }: RunningServer, topic: string): Promise<readonly string[]> {
  const client = new Kafka({ brokers: url.split(","), logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const count = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  const found: string[] = [];
  const consumer = client.consumer({ groupId: `raw-${topic}-${Date.now()}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void found.push(String(message.headers?.["omni-id"] ?? "")) });
    while (found.length < count) await wait(20);
    return found;
  } finally {
    await consumer.disconnect();
  }
}
