import { readFile } from "node:fs/promises";
import { Ajv } from "ajv";
import { publishedSchema, SCHEMA_FILE } from "./published-schema.ts";

test("the published schema is the one of the present table; packages/cli/test/config/write-schema.ts writes it", async () => {
  expect(await readFile(SCHEMA_FILE, "utf8")).toBe(publishedSchema());
});

describe("a configuration", () => {
  const validate = new Ajv({ strict: false }).compile(JSON.parse(publishedSchema()) as object);

  test.each([
    [{}],
    [
      {
        $schema: "x",
        backends: { a: "s3://b", b: { url: "s3://b", region: "eu-west-1", usePathStyle: true, partSizeBytes: 8_388_608 } },
      },
    ],
    [{ backends: { a: { url: "mycloud://x", whatever: [1] } }, use: ["./mycloud.ts"] }],
    [{ groups: { g: { members: ["a", { name: "x", backend: "b" }], mode: "quorum", quorum: 2, breaker: false } } }],
    [
      {
        queues: { q: { type: "nats", url: ["nats://a", "nats://b"] }, r: "kafka://a:9092/t" },
        composites: { c: { members: ["q", "r"], subscribe: "all" } },
      },
    ],
  ])("%j fits", (config) => {
    expect([validate(config), validate.errors]).toEqual([true, null]);
  });

  test.each([
    [{ backend: {} }],
    [{ backends: { a: 5 } }],
    [{ backends: { a: { region: "x" } } }],
    [{ backends: { a: { url: "s3://b", provider: "nobody" } } }],
    [{ backends: { "a b": "memory" } }],
    [{ groups: { g: { members: [] } } }],
    [{ groups: { g: { members: ["a"], mode: "most" } } }],
    [{ queues: { q: { type: "redis" } } }],
    [{ queues: { q: { type: "nats", strem: "x" } } }],
  ])("%j does not", (config) => expect(validate(config)).toBe(false));
});
