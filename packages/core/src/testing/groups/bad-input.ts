import type { Backend } from "../../backend.ts";
import type { ErrorCode } from "../../error.ts";
import { DEFAULT_MAX_PATH_BYTES } from "../../path.ts";
import type { Case, Group, Trial } from "../kit-case.ts";
import { pathsOf } from "../objects.ts";
import { recording } from "../recording.ts";

/** A call as a caller from JavaScript may make it. */
type Call = (backend: Backend) => unknown;

async function refused({ backend, check }: Trial, what: string, call: Call, code: ErrorCode, words: RegExp): Promise<void> {
  const watched = recording(backend);
  const error = await check.fails(what, () => call(watched), code);
  check.ok(`the message says what to do: ${error.message}`, words.test(error.message));
  check.same("requests made to the driver", watched.requests.counts(), {});
}

const PATHS: readonly (readonly [name: string, path: unknown, words: RegExp])[] = [
  ["an empty path", "", /empty/],
  ["an absolute path", "/a", /relative/],
  ["a path with an empty segment", "a//b", /empty segment/],
  ["a path that ends in a slash", "a/", /drop the "\/"/],
  ["a path that is ..", "..", /".."/],
  ["a path that climbs", "a/../../b", /".."/],
  ["a path with a . segment", "./a", /"." segment/],
  ["a path with NUL", "a\0b", /NUL/],
  ["a path with a lone surrogate", "a\ud800b", /surrogate/],
  ["a reserved path", ".omni/a", /reserved/],
  ["a path that is a number", 7, /a string, not number/],
  ["a path that is missing", undefined, /a string, not undefined/],
  ["a path that is null", null, /a string, not null/],
];

const paths: readonly Case[] = PATHS.map(([name, path, words]) => ({
  name: `${name} is INVALID_PATH`,
  run: async (trial) => {
    for (const [what, call] of [
      ["write", (backend: Backend) => backend.write(path as string, "x")],
      ["read", (backend: Backend) => backend.read(path as string)],
      ["stat", (backend: Backend) => backend.stat(path as string)],
      ["delete", (backend: Backend) => backend.delete(path as string)],
      ["createWriter", (backend: Backend) => backend.createWriter(path as string)],
    ] as const)
      await refused(trial, what, call, "INVALID_PATH", words);
  },
}));

const limits: readonly Case[] = [
  {
    name: "a path past the limit is INVALID_PATH",
    run: async (trial) => {
      const most = trial.features.maxPathBytes ?? DEFAULT_MAX_PATH_BYTES;
      for (const path of ["n".repeat(most + 1), "ü".repeat(Math.ceil((most + 1) / 2)), "n".repeat(5_000 + most)])
        await refused(
          trial,
          `write to ${path.length} characters`,
          (backend) => backend.write(path, "x"),
          "INVALID_PATH",
          new RegExp(String(most)),
        );
    },
  },
  {
    name: "a bad prefix is INVALID_PATH",
    run: async (trial) => {
      for (const prefix of ["../", "/a", "a//b", "a\0"])
        await refused(
          trial,
          `list ${JSON.stringify(prefix)}`,
          (backend) => pathsOf(backend, prefix),
          "INVALID_PATH",
          /path|NUL|segment/,
        );
    },
  },
];

/** Calls with options or bodies that are no good: [what, call, code, words of the message]. */
const CALLS: readonly (readonly [what: string, call: Call, words: RegExp])[] = [
  [
    "a misspelt option",
    (backend) => backend.write("a", "x", { contenttype: "a/b" } as object),
    /unknown option "contenttype".*contentType/,
  ],
  ["an option of another call", (backend) => backend.stat("a", { offset: 1 } as object), /unknown option "offset"/],
  ["options that are no object", (backend) => backend.write("a", "x", "fast" as unknown as object), /an object, not string/],
  ["a negative offset", (backend) => backend.read("a", { offset: -1 }), /offset is a whole number/],
  ["a fractional limit", (backend) => backend.read("a", { limit: 1.5 }), /limit is a whole number/],
  ["an offset that is text", (backend) => backend.read("a", { offset: "1" as unknown as number }), /offset is a whole number/],
  ["a content type with a line break", (backend) => backend.write("a", "x", { contentType: "a/b\r\nx: y" }), /contentType/],
  [
    "metadata that is no text",
    (backend) => backend.write("a", "x", { metadata: { a: 1 } as unknown as Record<string, string> }),
    /metadata/,
  ],
  [
    "a modification time that is no date",
    (backend) => backend.write("a", "x", { modifiedAt: "2020" as unknown as Date }),
    /modifiedAt is a valid Date/,
  ],
  ["an invalid date", (backend) => backend.write("a", "x", { modifiedAt: new Date(Number.NaN) }), /modifiedAt is a valid Date/],
  ["an ifNoneMatch that is an etag", (backend) => backend.write("a", "x", { ifNoneMatch: "abc" as "*" }), /ifNoneMatch is "\*"/],
  ["both conditions", (backend) => backend.write("a", "x", { ifNoneMatch: "*", ifMatch: "abc" }), /exclude each other/],
  [
    "an unknown checksum",
    (backend) => backend.write("a", "x", { checksum: { algorithm: "sha3", value: "00" } as never }),
    /checksum/,
  ],
  ["a signal that is none", (backend) => backend.stat("a", { signal: {} as AbortSignal }), /signal is an AbortSignal/],
  ["a timeout of zero", (backend) => backend.stat("a", { timeoutMs: 0 }), /timeoutMs/],
  ["a body that is a number", (backend) => backend.write("a", 7 as unknown as string), /a body is .* not number/],
  ["a body that is missing", (backend) => backend.write("a", undefined as unknown as string), /a body is .* not undefined/],
  ["a body that is a plain object", (backend) => backend.write("a", { a: 1 } as unknown as string), /a body is .* not an object/],
  ["a body shorter than sizeBytes", (backend) => backend.write("a", "abc", { sizeBytes: 4 }), /3 of 4 bytes/],
  ["a page size of zero", (backend) => pathsOf(backend, "", { pageSize: 0 }), /pageSize/],
  ["an empty delimiter", (backend) => pathsOf(backend, "", { delimiter: "" }), /delimiter/],
];

const calls: readonly Case[] = CALLS.map(([what, call, words]) => ({
  name: `${what} is INVALID_ARGUMENT`,
  run: async (trial) => {
    await refused(trial, what, call, "INVALID_ARGUMENT", words);
  },
}));

/** What a caller may get wrong: a clear error before the store is asked. */
export const badInput: Group = { name: "bad input", needs: [], cases: [...paths, ...limits, ...calls] };
