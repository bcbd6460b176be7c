import { OmniError } from "@omni/core";
import { newId } from "@omni/core/queue";
import { type KafkaQueueOptions, kafkaQueue } from "@omni/queue-kafka";
import { describeWithServer, freePorts } from "@omni/servers";
import kafkajs from "kafkajs";
import { generate } from "selfsigned";
import { quick } from "./broker.ts";

const certificate = await generate([{ name: "commonName", value: "localhost" }], {
  algorithm: "sha256",
  extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
});
const [node1 = 0, controller1 = 0, secure = 0] = await freePorts(3);
const module = "org.apache.kafka.common.security";
const users = 'username="ada" password="lovelace" user_ada="lovelace"';

/** A second listener, with TLS and SASL, beside the open one that says whether the broker has started. */
const configuration = `listeners=PLAINTEXT://127.0.0.1:${node1},CONTROLLER://127.0.0.1:${controller1},SECURE://127.0.0.1:${secure}
advertised.listeners=PLAINTEXT://127.0.0.1:${node1},SECURE://127.0.0.1:${secure}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL
listener.name.secure.sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=${module}.plain.PlainLoginModule required ${users};
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.certificate.chain=${inOneLine(certificate.cert)}
listener.name.secure.ssl.keystore.key=${inOneLine(certificate.private)}`;

/** As a properties file has it. */
function inOneLine(text: string): string {
  return text.trim().replaceAll(/\r?\n/g, "\\n");
}

await describeWithServer(
  "kafka",
  "TLS with user and password, and compression",
  (current) => {
    const ca = certificate.cert;
    const sasl = { mechanism: "plain", username: "ada", password: "lovelace" } as const;
    const options = { brokers: `127.0.0.1:${secure}`, tls: { ca }, sasl, ...quick };

    async function refusal(different: Partial<KafkaQueueOptions>): Promise<OmniError> {
      const queue = kafkaQueue({ ...options, ...different });
      const began = performance.now();
      const error: unknown = await queue.publish({ topic: "secret", data: "x" }).catch((reason: unknown) => reason);
      expect(performance.now() - began).toBeLessThan(8_000);
      await queue.close();
      if (!OmniError.is(error)) throw new Error(`not refused: ${String(error)}`);
      expect(error.outcome).toBe("not-applied");
      return error;
    }

    test("who knows the certificate and the password publishes and consumes", async () => {
      const queue = kafkaQueue({ ...options, topic: `secret-${newId()}` });
      expect((await queue.publish({ data: "for your eyes only" }, { timeoutMs: 30_000 })).state).toBe("acked");
      const read = await new Promise<string>((resolve) => {
        void queue.consume((message) => resolve(message.text()), { timeoutMs: 30_000 });
      });
      expect(read).toBe("for your eyes only");
      await queue.close();
    });

    test("a wrong password is refused, and not shown", async () => {
      const error = await refusal({ sasl: { ...sasl, password: "babbage" } });
      expect(error.code).toBe("UNAUTHENTICATED");
      expect(error.message).toMatch(/option sasl/);
      expect(JSON.stringify([error, error.message, String(error.cause)])).not.toContain("babbage");
    });

    test("so are a mechanism that the broker does not offer, and nobody", async () => {
      const mechanism = await refusal({ sasl: { ...sasl, mechanism: "scram-sha-256" } });
      expect(mechanism.code).toBe("UNAUTHENTICATED");
      expect(mechanism.message).toMatch(/sasl\.mechanism/);
      // The broker says nothing to whoever does not sign in: it closes the connection.
      const nobody = await refusal({ sasl: undefined });
      expect(nobody.code).toBe("UNAVAILABLE");
      expect(nobody.message).toMatch(/options tls and sasl/);
    });

    test("a broker whose certificate nobody vouches for is not talked to", async () => {
      const error = await refusal({ tls: true });
      expect(error.code).toBe("UNAVAILABLE");
      expect(error.message).toMatch(/TLS/);
    });

    test("gzip is what lies in the log, and any client reads it", async () => {
      const topic = `gzip-${newId()}`;
      const text = "the same words again and again ".repeat(2_000);
      // Sixty times as much as the topic takes, unless it is compressed.
      const plan = { brokers: current().url, ...quick, partitions: 1, topicConfig: { "max.message.bytes": "1000" } };
      const plain = kafkaQueue(plan);
      const refused: unknown = await plain.publish({ topic, data: text }).catch((reason: unknown) => reason);
      expect(OmniError.is(refused, "TOO_LARGE")).toBe(true);
      await plain.close();
      const queue = kafkaQueue({ ...plan, compression: "gzip" });
      expect((await queue.publish({ topic, id: "squeezed", key: "k", data: text })).state).toBe("acked");
      const own: string[] = [];
      for await (const message of queue.browse(topic)) own.push(message.text());
      expect(own).toEqual([text]);
      await queue.close();
      const raw = await firstRecord(current().url, topic);
      expect([raw.value?.toString(), raw.key?.toString(), String(raw.headers?.["omni-id"])]).toEqual([text, "k", "squeezed"]);
    });
  },
  { private: true, ports: { node1, controller1 }, configuration },
);

/** What a plain kafkajs consumer gets. */
async function firstRecord(brokers: string, topic: string): Promise<kafkajs.KafkaMessage> {
  const consumer = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING }).consumer({ groupId: newId() });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    return await new Promise((resolve, reject) => {
      consumer.run({ eachMessage: async ({ message }) => resolve(message) }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
}
