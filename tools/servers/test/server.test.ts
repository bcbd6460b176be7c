import { once } from "node:events";
import { createConnection } from "node:net";
import { describeWithServer } from "../src/index.ts";

await describeWithServer(
  "nats",
  "smoke",
  (current) => {
    it("greets", async () => {
      const url = new URL(current().url);
      const s = createConnection(Number(url.port), url.hostname);
      const [d] = await once(s, "data");
      expect(String(d)).toMatch(/^INFO .*"jetstream":true/);
      s.destroy();
    });
  },
  { private: true },
);
