import { OmniError } from "@omni/core";
import type { z } from "zod";
import { shown } from "./address.ts";

/** An error of the configuration: file, key path, what is wrong and what to do. */
export function configError(file: string, key: string, reason: string, cause?: unknown): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason: `${file}: ${key === "" ? "" : `${key}: `}${reason}`, cause });
}

/** The same error with file and key before its reason, and its code. */
export function locate(error: unknown, file: string, key: string): unknown {
  if (!OmniError.is(error)) return configError(file, key, error instanceof Error ? error.message : String(error), error);
  const { code, reason, retryable, outcome, backend } = error;
  if (reason.startsWith(`${file}: `)) return error;
  const at = backend === undefined || reason.startsWith(`${backend}: `) ? "" : `${backend}: `;
  return new OmniError(code, {
    reason: `${file}: ${key === "" ? "" : `${key}: `}${at}${reason}`,
    retryable,
    outcome,
    cause: error,
  });
}

/** What is wrong with a configuration, said for the first problem; how many more there are stands behind it. */
export function describeIssues(file: string, config: unknown, issues: readonly z.core.$ZodIssue[]): OmniError {
  const [first, ...others] = issues.map((issue) => deepest(issue));
  if (!first) return configError(file, "", "it is not a configuration");
  const more = others.length === 0 ? "" : ` (and ${others.length} more problem${others.length === 1 ? "" : "s"})`;
  return configError(file, keyPath(first.path), `${sentence(first, config)}${more}`);
}

/** `backends.photos.region`, `groups.mirror.members[1]`. */
export function keyPath(path: readonly PropertyKey[]): string {
  return path.map((key, at) => (typeof key === "number" ? `[${key}]` : `${at === 0 ? "" : "."}${String(key)}`)).join("");
}

/** Of the alternatives of a union the one that the value was meant to be: whose own type fits. */
function deepest(issue: z.core.$ZodIssue, path: readonly PropertyKey[] = []): z.core.$ZodIssue {
  const full = [...path, ...issue.path];
  if (issue.code === "invalid_key" || issue.code === "invalid_element") {
    const [inner] = issue.issues;
    return { ...issue, message: inner?.message ?? issue.message, path: full };
  }
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return { ...issue, path: full };
  const fitting = issue.errors.filter((branch) =>
    branch.every((one) => one.path.length > 0 || one.code === "unrecognized_keys" || one.code === "too_small"),
  );
  const [meant] = fitting.length === 1 ? (fitting[0] as readonly z.core.$ZodIssue[]) : [];
  return meant ? deepest(meant, full) : { ...issue, path: full };
}

function sentence(issue: z.core.$ZodIssue, config: unknown): string {
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], config);
  const given = describe(value, issue.path);
  switch (issue.code) {
    case "invalid_type":
      return value === undefined
        ? `it is missing; give ${article(issue.expected)}`
        : `it is ${given}; it has to be ${article(issue.expected)}`;
    case "invalid_value":
      return `it is ${given}; it has to be one of ${issue.values.map((one) => JSON.stringify(one)).join(", ")}`;
    case "invalid_union":
      return unionSentence(issue, value, given);
    case "too_small":
      return `it is ${given}; it has to be ${issue.origin === "string" ? "a text that is not empty" : issue.origin === "array" ? `a list of at least ${issue.minimum}` : `${issue.minimum} or more`}`;
    case "unrecognized_keys":
      return issue.message;
    default:
      return `${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`;
  }
}

function unionSentence(issue: z.core.$ZodIssueInvalidUnion, value: unknown, given: string): string {
  const { discriminator } = issue;
  if (discriminator === undefined) return `it is ${given}, which fits none of the forms; ${formOf(issue.path)}`;
  const found = issue.path.at(-1) === discriminator ? value : (value as Record<string, unknown> | undefined)?.[discriminator];
  const options = "options" in issue ? issue.options : undefined;
  return `it is ${describe(found, [])}; it has to be one of ${(options ?? []).map((one) => JSON.stringify(one)).join(", ")}`;
}

function formOf([section, ...rest]: readonly PropertyKey[]): string {
  if (rest.includes("members")) return "write the name, or an object with a name and its settings";
  if (section === "backends") return 'write a URL such as "s3://bucket/prefix", or { "url": …, … } with the options of the backend';
  if (section === "queues") return 'write a URL such as "nats://host:4222/topic", or { "type": "nats", … } with its options';
  return "see the schema of the configuration";
}

const SECRET = /secret|password|passphrase|token|credential|key|seed|creds|sasl|auth/i;

/** A value as an error may show it: nothing that may be a secret, no more than a line. */
function describe(value: unknown, path: readonly PropertyKey[]): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "function") return "a function";
  if (path.some((key) => SECRET.test(String(key)))) return `a ${typeof value}`;
  return typeof value === "string" ? shown(value) : String(value);
}

const WORDS: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  record: "an object",
  object: "an object",
  string: "a text",
};

function article(expected: string): string {
  return WORDS[expected] ?? `a ${expected}`;
}
