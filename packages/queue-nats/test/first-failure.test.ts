import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type ErrorCode, OmniError } from "@omni/core";
import { type NatsQueueOptions, natsQueue } from "@omni/queue-nats";
import { describeWithServer, type RunningServer, server } from "@omni/servers";
import { nkeys } from "nats";

/** What a first publish fails with, which has to come within seconds. */
async function failure(options: NatsQueueOptions): Promise<OmniError> {
  const queue = natsQueue({ topic: "first", ...options } as NatsQueueOptions & { mode?: "jetstream" });
  const began = performance.now();
  try {
    const error: unknown = await queue.publish({ data: "x" }).then(
      () => new Error("it was acked"),
      (reason: unknown) => reason,
    );
    expect(performance.now() - began).toBeLessThan(8_000);
    if (!OmniError.is(error)) throw error;
    expect(error.outcome).toBe("not-applied");
    return error;
  } finally {
    await queue.close();
  }
}

function expectError(error: OmniError, code: ErrorCode, ...words: readonly RegExp[]): void {
  expect(error.code).toBe(code);
  for (const word of words) expect(error.message).toMatch(word);
}

async function withServer(configuration: string, body: (current: RunningServer) => Promise<void>): Promise<void> {
  const current = await server("nats", { private: true, configuration });
  try {
    await body(current);
  } finally {
    await current.stop();
  }
}

test("a wrong address says which, and where it is set", async () => {
  expectError(await failure({ url: "nats://127.0.0.1:1" }), "UNAVAILABLE", /cannot connect/, /127\.0\.0\.1:1/, /NATS_URL/);
});

test("a host that there is not", async () => {
  expectError(await failure({ url: "nats://nowhere.invalid:4222" }), "UNAVAILABLE", /nowhere\.invalid:4222/);
});

await describeWithServer(
  "nats",
  "first failures",
  (current) => {
    test("credentials that are refused, and no secret in the message", async () => {
      await withServer('authorization: { user: "ada", password: "lovelace" }', async ({ url }) => {
        const error = await failure({ url, auth: { user: "ada", password: "wrong-secret" } });
        expectError(error, "UNAUTHENTICATED", /auth/);
        expect(JSON.stringify([error, error.message, String(error.cause)])).not.toContain("wrong-secret");
        const inUrl = await failure({ url: url.replace("//", "//ada:wrong-secret@") });
        expectError(inUrl, "UNAUTHENTICATED");
        expect(JSON.stringify([inUrl, inUrl.message, String(inUrl.cause)])).not.toContain("wrong-secret");
        const queue = natsQueue({ url: url.replace("//", "//ada:lovelace@"), topic: "first" });
        expect((await queue.publish({ data: "x" })).state).toBe("acked");
        expect(queue.driver.identity).not.toContain("lovelace");
        await queue.close();
      });
    });

    test("a token", async () => {
      await withServer('authorization: { token: "s3cr3t" }', async ({ url }) => {
        expectError(await failure({ url }), "UNAUTHENTICATED");
        const queue = natsQueue({ url, auth: { token: "s3cr3t" }, topic: "first" });
        expect((await queue.publish({ data: "x" })).state).toBe("acked");
        await queue.close();
      });
    });

    test("an nkey, and a file of credentials that is missing or none", async () => {
      const user = nkeys.createUser();
      const seed = new TextDecoder().decode(user.getSeed());
      await withServer(`authorization: { users: [ { nkey: "${user.getPublicKey()}" } ] }`, async ({ url }) => {
        const other = new TextDecoder().decode(nkeys.createUser().getSeed());
        const error = await failure({ url, auth: { nkeySeed: other } });
        expectError(error, "UNAUTHENTICATED");
        expect(error.message).not.toContain(other);
        const queue = natsQueue({ url, auth: { nkeySeed: seed }, topic: "first" });
        expect((await queue.publish({ data: "x" })).state).toBe("acked");
        await queue.close();
        expectError(await failure({ url, auth: { credsFile: "no-such.creds" } }), "INVALID_ARGUMENT", /does not exist/);
        expectError(await failure({ url, auth: { creds: "none" } }), "UNAUTHENTICATED", /\.creds file/);
      });
    });

    test("TLS that the server does not speak", async () => {
      expectError(await failure({ url: current().url, tls: {} }), "NOT_SUPPORTED", /TLS/);
    });

    test("JetStream that is off", async () => {
      await withServer("jetstream: disabled", async ({ url }) => {
        expectError(await failure({ url }), "NOT_SUPPORTED", /JetStream is off/, /nats-server -js/, /mode: "core"/);
      });
    });

    test("a stream that does not exist and is not to be made", async () => {
      const error = await failure({ url: current().url, stream: "MISSING", createStream: false });
      expectError(error, "NOT_FOUND", /"MISSING" does not exist/, /createStream/);
    });

    test("a stream that does not cover the topic", async () => {
      const made = natsQueue({ url: current().url, stream: "OTHER", subjects: ["OTHER.one"], topic: "one" });
      await made.ready();
      await made.close();
      const error = await failure({ url: current().url, stream: "OTHER", topic: "two" });
      expectError(error, "INVALID_ARGUMENT", /do not cover "OTHER\.two"/);
      const queue = natsQueue({ url: current().url, stream: "OTHER", noStreamRetryMs: 200 });
      const late = await queue.publish({ topic: "two", data: "x" }).catch((reason: unknown) => reason);
      await queue.close();
      expectError(late as OmniError, "NOT_FOUND", /no stream covers the topic/, /OTHER\.two/);
    });

    test("a stream with other settings is adopted as far as it keeps the promises, and never changed", async () => {
      const { url } = current();
      const made = natsQueue({ url, stream: "SMALL", storage: "memory", dedupeWindowMs: 1_000, topic: "t" });
      await made.ready();
      await made.close();
      expectError(
        await failure({ url, stream: "SMALL" }),
        "INVALID_ARGUMENT",
        /storage: "memory"/,
        /dedupeWindowMs: 1000/,
        /is not changed/,
      );
      const adopted = natsQueue({ url, stream: "SMALL", storage: "memory", dedupeWindowMs: 500, topic: "t" });
      expect((await adopted.publish({ data: "x" })).state).toBe("acked");
      await adopted.close();
    });

    test("permissions: the subject, the API of JetStream, the inbox", async () => {
      const permissions = (lines: string): string =>
        `authorization: { users: [ { user: "ada", password: "a", permissions: { ${lines} } }, { user: "root", password: "r" } ] }`;
      const auth = { user: "ada", password: "a" };
      await withServer(permissions('publish: ["$JS.API.>"], subscribe: ["_INBOX.>"]'), async ({ url }) => {
        expectError(await failure({ url, auth }), "PERMISSION_DENIED", /may not publish to "OMNI\.first"/);
      });
      await withServer(permissions('publish: ["OMNI.>"], subscribe: ["_INBOX.>"]'), async ({ url }) => {
        expectError(await failure({ url, auth }), "PERMISSION_DENIED", /may not publish to "\$JS\.API/);
      });
      await withServer(permissions('publish: [">"], subscribe: ["mine.>"]'), async ({ url }) => {
        expectError(await failure({ url, auth }), "PERMISSION_DENIED", /inboxPrefix/);
        const queue = natsQueue({ url, auth, inboxPrefix: "mine.inbox", topic: "first" });
        expect((await queue.publish({ data: "x" })).state).toBe("acked");
        await queue.close();
      });
    });

    test("a server that takes less than maxPayloadBytes says", async () => {
      await withServer("max_payload: 4096", async ({ url }) => {
        const queue = natsQueue({ url, topic: "first" });
        const error = await queue.publish({ data: new Uint8Array(8_192) }).catch((reason: unknown) => reason);
        await queue.close();
        expectError(error as OmniError, "TOO_LARGE", /max_payload/);
      });
    });

    test("a full stream refuses, and drops nothing", async () => {
      const queue = natsQueue({ url: current().url, stream: "FULL", maxStreamBytes: 4_096, topic: "t" });
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => queue.publish({ data: new Uint8Array(1_024) })));
      const refused = results.find((result) => result.status === "rejected");
      expectError(refused?.reason, "QUEUE_FULL", /limits/);
      const stored = results.filter((result) => result.status === "fulfilled").length;
      expect(stored).toBeGreaterThan(0);
      expect((await queue.stats()).stored).toBe(stored);
      await queue.close();
    });

    test("a script that forgets close() is told so", async () => {
      const script = fileURLToPath(new URL("./forgets-close.ts", import.meta.url));
      const child = spawn(process.execPath, ["--conditions=@omni/source", script, current().url], {
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, NODE_OPTIONS: "" },
      });
      try {
        let said = "";
        for await (const part of child.stderr.setEncoding("utf8")) {
          said += part;
          if (said.includes("OMNI_QUEUE_OPEN")) break;
        }
        expect(said).toMatch(/a NATS queue \(127\.0\.0\.1:\d+\) is open .* call close\(\)/);
      } finally {
        child.kill();
      }
    });
  },
  { private: true },
);
