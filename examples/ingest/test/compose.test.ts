import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { SERVICES, VARIABLES, type VariableName, variablesOf } from "../src/environment.ts";
import { allSettings } from "../src/settings.ts";
import { running } from "./running.ts";

const at = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

interface Service {
  readonly profiles: readonly string[];
  readonly command: readonly string[];
  readonly ports: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly depends_on?: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
}

const { services } = parse(at("docker/compose.yaml"), { merge: true }) as { readonly services: Readonly<Record<string, Service>> };
const portName = (service: (typeof SERVICES)[number]) => `${service.toUpperCase()}_PORT` as VariableName;
const portOf = (service: (typeof SERVICES)[number]): string => VARIABLES[portName(service)].default;

/** What compose makes of a value when the variables of the person are these. */
function resolved(value: string, env: Readonly<Record<string, string>> = {}): string {
  return value.replaceAll(/\$\{(\w+):-([^}]*)\}/g, (_, name: string, otherwise: string) => env[name] || otherwise);
}

test("the profile app is the three services and their brokers", () => {
  const app = Object.keys(services).filter((name) => services[name]?.profiles.includes("app"));
  expect(app.toSorted()).toEqual([...SERVICES, "nats", "kafka"].toSorted());
});

describe.each(SERVICES)("%s", (name) => {
  const service = services[name] as Service;

  test("is given every variable that it reads, its port aside, and no other", () => {
    const read = variablesOf(name).filter((variable) => variable !== portName(name));
    expect(Object.keys(service.environment).toSorted()).toEqual([...new Set(read)].toSorted());
    for (const [variable, value] of Object.entries(service.environment)) {
      if (["HOST", "INGEST_URL", "PROCESSOR_URL"].includes(variable)) continue;
      // From the person's environment, under its own name.
      expect(value).toMatch(new RegExp(`^\\$\\{${variable}:-[^}]*\\}$`));
    }
  });

  test("listens where the others look for it, and on loopback alone", () => {
    const port = portOf(name);
    expect(service.command).toEqual([name]);
    expect(service.ports).toEqual([`127.0.0.1:\${${portName(name)}:-${port}}:${port}`]);
    expect(service.environment.HOST).toBe("0.0.0.0");
    expect(service.healthcheck.test).toEqual(["CMD", "node", "src/ready.ts", port]);
  });

  test("starts on the defaults: what is empty is the program's own default", () => {
    const env = Object.fromEntries(Object.entries(service.environment).map(([variable, value]) => [variable, resolved(value)]));
    expect(() => allSettings(env)).not.toThrow();
    if (name !== "gateway")
      expect(env).toMatchObject({ QUEUE_TYPE: "composite", COMPOSITE_PROVIDERS: "nats,kafka", NATS_URL: "nats://nats:4222" });
  });
});

test("the gateway finds the services, and the services the brokers, by their names and ports", () => {
  const { gateway, ingest, kafka, nats } = services;
  expect(gateway?.environment).toMatchObject({
    INGEST_URL: `http://ingest:${portOf("ingest")}`,
    PROCESSOR_URL: `http://processor:${portOf("processor")}`,
  });
  expect(gateway?.depends_on).toEqual(["ingest", "processor"]);
  expect(ingest?.depends_on).toEqual(["nats", "kafka"]);
  const brokers = resolved(ingest?.environment.KAFKA_BROKERS ?? "");
  expect(kafka?.environment.KAFKA_ADVERTISED_LISTENERS?.split(",")).toContain(`APP://${brokers}`);
  expect(kafka?.environment.KAFKA_LISTENERS).toContain(`APP://0.0.0.0:${brokers.split(":")[1]}`);
  expect(nats?.ports[0]).toMatch(/:4222$/);
});

test("the image starts the program with the pinned tools, and its ports are those of the table", () => {
  const lines = at("docker/services.Dockerfile");
  const { packageManager } = JSON.parse(at("package.json")) as { packageManager: string };
  expect(lines).toContain(`npm install --global ${packageManager}`);
  expect(lines).toContain(`EXPOSE ${SERVICES.map(portOf).join(" ")}`);
  expect(lines).toContain('ENTRYPOINT ["node", "src/index.ts"]');
  expect([...lines.matchAll(/^FROM node:(\S+)-slim/gm)].map(([, version]) => version)).toEqual(
    Array(2).fill(at(".node-version").trim()),
  );
});

test("the health check ends as the service is", async () => {
  const { processor } = await running();
  const argv = process.argv;
  const codes: unknown[] = [];
  try {
    for (const port of [processor.address.port, 9]) {
      process.argv = ["node", "ready.ts", String(port)];
      await import(`../src/ready.ts?port=${port}`);
      codes.push(process.exitCode);
    }
  } finally {
    process.argv = argv;
    process.exitCode = undefined;
  }
  expect(codes).toEqual([0, 1]);
});
