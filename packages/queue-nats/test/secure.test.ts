import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OmniError } from "@omni/core";
import { type NatsQueueOptions, natsQueue } from "@omni/queue-nats";
import { describeWithServer } from "@omni/servers";
import { generate } from "selfsigned";

const certificate = await generate([{ name: "commonName", value: "localhost" }], {
  algorithm: "sha256",
  extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
});
const folder = await mkdtemp(join(tmpdir(), "omni-nats-tls-"));
afterAll(() => rm(folder, { recursive: true, force: true }));
await writeFile(join(folder, "cert.pem"), certificate.cert);
await writeFile(join(folder, "key.pem"), certificate.private);

const configuration = `tls: { cert_file: "${join(folder, "cert.pem")}", key_file: "${join(folder, "key.pem")}" }
authorization: { users: [ { user: "ada", password: "lovelace" } ] }`;

await describeWithServer(
  "nats",
  "TLS with user and password",
  (current) => {
    const ca = certificate.cert;
    const auth = { user: "ada", password: "lovelace" };

    async function refusal(options: NatsQueueOptions): Promise<OmniError> {
      const queue = natsQueue({ url: current().url, topic: "secret", ...options, mode: "jetstream" });
      const began = performance.now();
      const error: unknown = await queue.publish({ data: "x" }).catch((reason: unknown) => reason);
      expect(performance.now() - began).toBeLessThan(8_000);
      await queue.close();
      if (!OmniError.is(error)) throw new Error(`not refused: ${String(error)}`);
      expect(error.outcome).toBe("not-applied");
      return error;
    }

    test("who knows the certificate and the password publishes and consumes", async () => {
      const queue = natsQueue({ url: current().url, topic: "secret", tls: { ca }, auth });
      expect((await queue.publish({ data: "for your eyes only" })).state).toBe("acked");
      const read = await new Promise<string>((resolve) => {
        void queue.consume((message) => resolve(message.text()));
      });
      expect(read).toBe("for your eyes only");
      await queue.close();
    });

    test("a wrong password is refused, and not shown", async () => {
      const error = await refusal({ tls: { ca }, auth: { ...auth, password: "babbage" } });
      expect(error.code).toBe("UNAUTHENTICATED");
      expect(error.message).toMatch(/option `auth`/);
      expect(JSON.stringify([error, error.message, String(error.cause)])).not.toContain("babbage");
    });

    test("so is nobody", async () => {
      expect((await refusal({ tls: { ca } })).code).toBe("UNAUTHENTICATED");
    });

    test("a server whose certificate nobody vouches for is not talked to", async () => {
      const error = await refusal({ tls: {}, auth });
      expect([error.code, error.retryable]).toEqual(["UNAVAILABLE", false]);
      expect(error.message).toMatch(/option `tls` \(ca, cert, key\)/);
    });
  },
  { private: true, configuration },
);
