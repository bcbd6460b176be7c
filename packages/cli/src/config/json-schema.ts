import type { OptionSpec } from "@omni/core";
import { z } from "zod";
import { configSchema } from "./schema.ts";

/** A kind of backend, as far as a schema says something of it: what its definition has. */
export interface SchemaSource {
  readonly scheme: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
}

type Json = Record<string, unknown>;

/** Options that no text can give. */
const CODE = new Set(["client", "clientConfig", "clock", "logger"]);

/**
 * The JSON Schema of `omni.config.json`: made of the table that configurations are checked with, and of the tables of options that backends have.
 *
 * @param backends the definitions whose options are listed: by the scheme of a description's URL
 */
export function configJsonSchema(backends: readonly SchemaSource[]): Json {
  const schema = z.toJSONSchema(configSchema(false), { target: "draft-7", io: "input" }) as Json & {
    properties: Record<string, Json>;
  };
  const { properties } = schema;
  const entries = properties.backends?.additionalProperties as { anyOf: Json[] };
  const described = entries.anyOf.find(({ type }) => type === "object") as Json;
  described.allOf = backends.map(optionsOf);
  return {
    ...schema,
    title: "omni.config.json",
    description: "Stores, groups of stores and queues that the omni command knows by name",
  };
}

/** Where a URL has the scheme, the options are those of the backend; text is taken for all of them, as in URLs. */
function optionsOf({ scheme, options }: SchemaSource): Json {
  const properties = Object.fromEntries(
    Object.entries(options).flatMap(([name, spec]) => (CODE.has(name) ? [] : [[name, propertyOf(spec)]])),
  );
  return {
    if: { properties: { url: { pattern: `^${scheme}(:|$)` } } },
    then: { properties },
  };
}

function propertyOf({ type, values, min, secret }: OptionSpec): Json {
  const reference = { type: "string", pattern: "^\\$\\{" };
  const about = secret ? { description: "a secret: give it by a variable of the environment" } : {};
  if (values) return { ...about, anyOf: [{ enum: values }, reference] };
  if (type === "integer") return { ...about, anyOf: [{ type, minimum: min ?? 0 }, { type: "string" }] };
  if (type === "boolean" || type === "object") return { ...about, anyOf: [{ type }, { type: "string" }] };
  return { ...about, type: "string" };
}
