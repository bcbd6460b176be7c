import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { Kafka, logLevel } from "kafkajs";
import { connect as connectNats } from "nats";
import { describeWithServer, type RunningServer } from "../src/index.ts";
import { mustRun } from "../src/processes.ts";

/** Puts something in, and takes it out again with a client of its own. */
interface Store {
  put(server: RunningServer, value: string): Promise<void>;
  /** @param retries of the client, where it has such a setting */
  get(server: RunningServer, retries?: number): Promise<string>;
}

const nats: Store = {
  async put(server, value) {
    const connection = await connectNats({ servers: server.url });
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name: "KEPT", subjects: ["kept"] });
    await connection.jetstream().publish("kept", value);
    await connection.close();
  },
  async get(server) {
    const connection = await connectNats({ servers: server.url });
    const message = await (await connection.jetstreamManager()).streams.getMessage("KEPT", { last_by_subj: "kept" });
    await connection.close();
    return message.string();
  },
};

const kafkaClient = (server: RunningServer, retries = 10) =>
  new Kafka({ brokers: server.url.split(","), logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries } });

const kafka: Store = {
  async put(server, value) {
    const producer = kafkaClient(server).producer();
    await producer.connect();
    await producer.send({ topic: "kept", acks: -1, messages: [{ value }] });
    await producer.disconnect();
  },
  async get(server, retries) {
    const consumer = kafkaClient(server, retries).consumer({
      groupId: `g${Math.random()}`,
      sessionTimeout: 1000,
      heartbeatInterval: 300,
    });
    await consumer.connect();
    await consumer.subscribe({ topic: "kept", fromBeginning: true });
    const value = await new Promise<string>((resolve, reject) => {
      consumer.run({ eachMessage: async ({ message }) => resolve(String(message.value)) }).catch(reject);
    });
    await consumer.disconnect();
    return value;
  },
};

const s3Client = (server: RunningServer) =>
  new S3Client({ endpoint: server.url, region: server.region!, credentials: server.credentials!, forcePathStyle: true });

const s3: Store = {
  async put(server, value) {
    const client = s3Client(server);
    await client.send(new CreateBucketCommand({ Bucket: "kept" }));
    await client.send(new PutObjectCommand({ Bucket: "kept", Key: "a", Body: value }));
  },
  async get(server) {
    const answer = await s3Client(server).send(new GetObjectCommand({ Bucket: "kept", Key: "a" }));
    return answer.Body!.transformToString();
  },
};

const gcs: Store = {
  async put(server, value) {
    const headers = { "content-type": "application/json" };
    await fetch(`${server.url}/storage/v1/b?project=test`, { method: "POST", headers, body: JSON.stringify({ name: "kept" }) });
    const answer = await fetch(`${server.url}/upload/storage/v1/b/kept/o?uploadType=media&name=a`, { method: "POST", body: value });
    expect(answer.status).toBe(200);
  },
  async get(server) {
    const answer = await fetch(`${server.url}/storage/v1/b/kept/o/a?alt=media`);
    return answer.text();
  },
};

/** Runs a command on the server, signed in by its key. */
function remotely({ url, ssh }: RunningServer, command: string, input = ""): Promise<string> {
  const { hostname, port, username } = new URL(url);
  const known = ["-o", "BatchMode=yes", "-o", `UserKnownHostsFile=${ssh!.knownHostsFile}`, "-o", "StrictHostKeyChecking=yes"];
  const args = ["-F", "none", "-i", ssh!.privateKeyFile, "-p", port, ...known, `${username}@${hostname}`, command];
  return mustRun({ command: "ssh", args, input });
}

const ssh: Store = {
  put: async (server, value) => void (await remotely(server, `cat > '${new URL(server.url).pathname}/kept'`, value)),
  get: (server) => remotely(server, `cat '${new URL(server.url).pathname}/kept'`),
};

for (const [name, store, options] of [
  ["nats", nats, {}],
  ["kafka", kafka, {}],
  ["s3", s3, {}],
  ["gcs", gcs, { durable: true }],
  ["ssh", ssh, {}],
] as const) {
  await describeWithServer(
    name,
    `${name}, an instance of its own`,
    (current) => {
      it("keeps what it took over SIGKILL and a start on the same port", async () => {
        const server = current();
        await store.put(server, "precious");
        await server.kill();
        await expect(store.get(server, 0)).rejects.toThrow();
        await server.restart();
        expect(await store.get(server)).toBe("precious");
      });

      it("answers nobody while it is paused, and everybody after", async () => {
        const server = current();
        await server.pause();
        let answered = false;
        const waiting = store.get(server).then((value) => {
          answered = true;
          return value;
        });
        waiting.catch(() => {}); // a client may lose patience: the next read tells
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(answered).toBe(false);
        await server.resume();
        await waiting.catch(() => undefined);
        expect(await store.get(server)).toBe("precious");
      });

      it("refuses to kill a process that it does not have", async () => {
        await expect(current().kill("nobody")).rejects.toThrow(/has no process "nobody": it has /);
      });
    },
    { private: true, ...options },
  );
}

await describeWithServer(
  "kafka",
  "kafka with three nodes",
  (current) => {
    it("moves the lead of a partition when a broker is killed", async () => {
      const server = current();
      const admin = kafkaClient(server).admin();
      await admin.connect();
      await admin.createTopics({ waitForLeaders: true, topics: [{ topic: "spread", numPartitions: 3, replicationFactor: 3 }] });
      const leaders = async () =>
        (await admin.fetchTopicMetadata({ topics: ["spread"] })).topics[0]!.partitions.map(({ leader }) => leader);
      expect(new Set(await leaders())).toEqual(new Set([1, 2, 3]));
      await server.kill("node3");
      // A question that was on its way to the broker that was killed is asked again: of another one.
      const asked = (): Promise<readonly number[] | undefined> =>
        leaders().catch((error: Error) => {
          if (error.name === "KafkaJSConnectionClosedError") return undefined;
          throw error;
        });
      for (let found = await asked(); found === undefined || found.includes(3); found = await asked())
        await new Promise((resolve) => setTimeout(resolve, 100));
      expect((await leaders()).every((leader) => leader === 1 || leader === 2)).toBe(true);
      await server.restart();
      await admin.disconnect();
    }, 60_000);
  },
  { private: true, nodes: 3 },
);
