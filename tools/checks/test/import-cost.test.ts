// What loading a package costs, in modules and bytes: no wall clock says it the same way twice.
import { execFileSync } from "node:child_process";
import { sourceFlags } from "../../bootstrap/toolchain.mjs";

const root = new URL("../../..", import.meta.url);

interface Cost {
  readonly modules: number;
  readonly kib: number;
  /** Those of `heavy` that were loaded. */
  readonly builtins: readonly string[];
  /** Packages that are not Omni's. */
  readonly strangers: readonly string[];
}

// Modules of Node's own that take milliseconds to load.
const heavy = ["crypto", "stream", "fs/promises", "v8", "zlib", "http", "https", "http2", "net", "tls", "worker_threads", "sqlite"];

const program = `
  import { registerHooks } from "node:module";
  const loaded = new Map();
  registerHooks({
    load(url, context, next) {
      const answer = next(url, context);
      if (url.startsWith("file:")) loaded.set(url, Buffer.byteLength(answer.source ?? ""));
      return answer;
    },
  });
  await import(process.argv[1]);
  const bytes = [...loaded.values()].reduce((sum, size) => sum + size, 0);
  const strangers = new Set();
  for (const url of loaded.keys()) {
    const name = /.*node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1];
    if (name !== undefined) strangers.add(name);
  }
  const builtins = ${JSON.stringify(heavy)}.filter((name) => process.moduleLoadList.includes("NativeModule " + name));
  console.log(JSON.stringify({ modules: loaded.size, kib: Math.ceil(bytes / 1024), builtins, strangers: [...strangers].sort() }));
`;

function costOf(name: string): Cost {
  const flags = [...sourceFlags(), "--input-type=module", "-e", program, name];
  const printed = execFileSync(process.execPath, flags, { encoding: "utf8", timeout: 60_000, cwd: root });
  return JSON.parse(printed) as Cost;
}

// The most that each may load, from its sources with their comments: what it does load and a tenth of it.
const limits: readonly [string, number, number][] = [
  ["@omni/core", 49, 195],
  ["@omni/core/queue", 70, 315],
  ["@omni/memory", 58, 220],
  ["@omni/file", 70, 305],
  ["@omni/channel", 63, 245],
  ["@omni/s3", 84, 345],
  ["@omni/gcs", 67, 310],
];

test.each(limits)(
  "%s loads %d modules at most, of %d KiB in all, and nobody else's",
  (name, modules, kib) => {
    const cost = costOf(name);
    expect(cost.strangers).toEqual([]);
    expect(cost.modules).toBeLessThanOrEqual(modules);
    expect(cost.kib).toBeLessThanOrEqual(kib);
    // A limit far above what is loaded guards nothing: lower it.
    expect(cost.modules).toBeGreaterThan(modules * 0.7);
  },
  60_000,
);

test.each([
  "@omni/core",
  "@omni/core/queue",
  "@omni/memory",
  "@omni/channel",
  "@omni/queue-memory",
  "@omni/queue-composite",
  "@omni/s3",
])("%s leaves what is heavy of Node's own to the first use", (name) => {
  expect(costOf(name).builtins).toEqual([]);
});

test("a module that asks for what is heavy at once is seen", () => {
  expect(costOf('data:text/javascript,import "node:http"').builtins).toEqual(expect.arrayContaining(["stream", "http", "net"]));
});
