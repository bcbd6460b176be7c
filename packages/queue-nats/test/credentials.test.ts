import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OmniError } from "@omni/core";
import { type NatsAuth, natsQueue } from "@omni/queue-nats";
import { describeWithServer } from "@omni/servers";
import { operatorSetup } from "./operator.ts";

const { configuration, creds, foreignCreds } = operatorSetup();

await describeWithServer(
  "nats",
  "credentials that an operator signed",
  (current) => {
    async function publish(auth: NatsAuth): Promise<string> {
      const queue = natsQueue({ url: current().url, topic: "signed", auth });
      try {
        return (await queue.publish({ data: "x" })).state;
      } catch (error) {
        if (!OmniError.is(error)) throw error;
        expect(error.outcome).toBe("not-applied");
        return error.code;
      } finally {
        await queue.close();
      }
    }

    test("are taken as text and as a file, and those of a stranger are not", async () => {
      const folder = await mkdtemp(join(tmpdir(), "omni-creds-"));
      const credsFile = join(folder, "user.creds");
      await writeFile(credsFile, creds());
      expect(await publish({ creds: creds() })).toBe("acked");
      expect(await publish({ credsFile })).toBe("acked");
      expect(await publish({ creds: foreignCreds() })).toBe("UNAUTHENTICATED");
      await rm(folder, { recursive: true });
    });
  },
  { private: true, configuration },
);
