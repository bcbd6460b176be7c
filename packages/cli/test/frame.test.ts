import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { specs } from "../src/commands/index.ts";
import { type Invocation, makeProgram } from "../src/program.ts";
import { linesOf, objectsOf, omni, withDirectory } from "./process.ts";

// Each run is a process of its own, and machines may be busy.
const TIME_MS = 240_000;

/** Writes down which modules a process resolves. */
const LOADED_HOOK = `
import { registerHooks } from "node:module";
import { writeFileSync } from "node:fs";
const seen = [];
registerHooks({ resolve(specifier, context, next) { const found = next(specifier, context); seen.push(found.url); return found; } });
process.on("exit", () => writeFileSync(process.env.LOADED, seen.join("\\n")));
`;

describe("the command line", () => {
  test("options reach their command under their names, those that begin with --no-, too", () => {
    const parse = (...args: string[]): Invocation | undefined => {
      let asked: Invocation | undefined;
      const program = makeProgram(specs, "0.0.0", (invocation) => {
        asked = invocation;
      });
      program.parse(args, { from: "user" });
      return asked;
    };
    expect(parse("copy", "a", "b")?.options).toEqual({});
    expect(parse("copy", "a", "b", "--no-update-modtime", "-c")?.options).toEqual({ noUpdateModtime: true, checksum: true });
    expect(
      parse("sync", "a", "b", "--max-transfer", "1M", "--max-duration", "1h", "--exclude", "x", "--exclude", "y")?.options,
    ).toEqual({ maxTransfer: 1_048_576, maxDuration: 3_600_000, exclude: ["x", "y"] });
    const put = parse("--json", "put", "a", "b", "c/", "-n");
    expect([put?.spec.name, put?.args, put?.globals.json, put?.globals.dryRun]).toEqual(["put", ["a", "b", "c/"], true, true]);
  });

  test(
    "--help lists every command, and loads neither stores nor engines",
    () =>
      withDirectory(async (cwd) => {
        const hook = join(cwd, "hook.mjs");
        await writeFile(hook, LOADED_HOOK);
        const env = { NODE_OPTIONS: `--import=${pathToFileURL(hook)}`, LOADED: join(cwd, "loaded.txt") };
        const { code, stdout } = await omni(["--help"], { cwd, env });
        expect(code).toBe(0);
        for (const { name } of specs) expect(stdout).toContain(name.split(" ")[0]);
        const loaded = linesOf(await readFile(env.LOADED, "utf8"));
        expect(loaded.some((url) => url.endsWith("packages/cli/src/omni.ts"))).toBe(true);
        expect(
          loaded.filter((url) => /packages\/(?!cli\/)|@aws-sdk|kafkajs|@google-cloud|log-update|cli-table3/.test(url)),
        ).toEqual([]);
      }),
    TIME_MS,
  );

  test("every command has a summary, examples that begin with it, and documented arguments and options", () => {
    for (const { name, summary, examples, arguments: given, options } of specs) {
      expect(summary).toMatch(/^[A-Z].*[^.]$/);
      expect([name, examples.length > 0]).toEqual([name, true]);
      for (const { command, about } of examples) {
        expect(command).toContain(`omni ${name}`);
        expect(about).not.toBe("");
      }
      for (const { about } of [...given, ...Object.values(options)]) expect(about).not.toBe("");
    }
    expect(new Set(specs.map(({ name }) => name)).size).toBe(specs.length);
  });

  test(
    "a wrong command line exits with 64 and says what is right",
    () =>
      withDirectory(async (cwd) => {
        const wrong: [readonly string[], RegExp][] = [
          [[], /^Usage: omni/],
          [["lss"], /unknown command 'lss'[\s\S]*Did you mean ls\?/],
          [["ls", "--recursiv", "x"], /unknown option '--recursiv'[\s\S]*--recursive/],
          [["cat"], /missing required argument 'objects'/],
          [["cat", "x", "--offset", "big"], /"big" is no size; write 512b, 64K, 10M or 1\.5G/],
          [["sync", "a", "b", "--cutoff-mode", "fast"], /Give one of: hard, soft, cautious/],
          [["sync", "a", "b", "--max-delete", "some"], /--max-delete: "some" is neither a number/],
          [["sync", "a", "b", "--delete-before", "--delete-after"], /give one of --delete-before/],
          [["copy", "a", "b", "--bwlimit", "8,x"], /--bwlimit: "8,x" is no entry of a timetable/],
          [["copy", "a", "b", "--min-age", "old"], /--min-age: "old" is neither a length of time/],
          [["ls", "nostore://x"], /unknown backend "nostore"/],
          [["completion", "tcsh"], /"tcsh" is no shell known here/],
        ];
        const ended = await Promise.all(wrong.map(([args]) => omni(args, { cwd })));
        expect(ended.map(({ code, stdout }) => [code, stdout])).toEqual(wrong.map(() => [64, ""]));
        for (const [at, [, message]] of wrong.entries()) expect(ended[at]?.stderr).toMatch(message);
      }),
    TIME_MS,
  );

  test(
    "errors are one line with a remedy, an object with --json, and have a stack only with --debug",
    () =>
      withDirectory(async (cwd) => {
        const [plain, json, debug] = await Promise.all([
          omni(["cat", "none"], { cwd }),
          omni(["cat", "none", "--json"], { cwd }),
          omni(["cat", "none", "--debug"], { cwd }),
        ]);
        expect([plain, json, debug].map(({ code }) => code)).toEqual([6, 6, 6]);
        expect(plain.stderr).not.toMatch(/\n\s+at /);
        expect(objectsOf(json.stderr)[0]).toMatchObject({ error: { code: "NOT_FOUND", path: "none", operation: "read" } });
        expect(debug.stderr).toMatch(/\n\s+at /);
      }),
    TIME_MS,
  );

  test(
    "what a library throws into the void is a failure, not a difference",
    () =>
      withDirectory(async (cwd) => {
        const hook = join(cwd, "hook.mjs");
        const thrower = `setImmediate(() => { throw new Error("from a library"); })`;
        await writeFile(hook, `process.on("newListener", (name) => { if (name === "SIGINT") ${thrower}; });`);
        const { code, stderr } = await omni(["ls", "."], { cwd, env: { NODE_OPTIONS: `--import=${pathToFileURL(hook)}` } });
        expect([code, stderr.startsWith("omni: Error: from a library")]).toEqual([4, true]);
      }),
    TIME_MS,
  );

  test(
    "colours: none in pipes, by --color always and FORCE_COLOR, not with NO_COLOR",
    () =>
      withDirectory(async (cwd) => {
        const csi = "\u001b[";
        const run = async (args: readonly string[], env: Record<string, string>): Promise<boolean> =>
          (await omni(["cat", "none", ...args], { cwd, env })).stderr.includes(csi);
        expect(
          await Promise.all([
            run([], {}),
            run(["--color", "always"], {}),
            run([], { FORCE_COLOR: "1" }),
            run([], { NO_COLOR: "1" }),
            run(["--color", "never"], { FORCE_COLOR: "1" }),
          ]),
        ).toEqual([false, true, true, false, false]);
      }),
    TIME_MS,
  );
});

describe("completions", () => {
  test(
    "commands, flags, values and names of the configuration",
    () =>
      withDirectory(async (cwd) => {
        await writeFile(
          join(cwd, "omni.config.json"),
          JSON.stringify({ backends: { backup: "file:///nowhere", bucket: "memory" } }),
        );
        await writeFile(join(cwd, "here.txt"), "x");
        const complete = async (...words: string[]): Promise<string[]> =>
          linesOf((await omni(["complete", "--", ...words], { cwd })).stdout).map((line) => line.split("\t")[0] ?? "");
        expect(
          await Promise.all([
            complete("mk"),
            complete("sync", "--track"),
            complete("sync", "--verify", ""),
            complete("ls", "b"),
            complete("completion", ""),
            complete("ls", `file://${cwd}/h`),
            complete("queue", "dlq", "l"),
          ]),
        ).toEqual([
          ["mkdir"],
          ["--track-renames", "--track-renames-strategy"],
          ["stated", "read"],
          ["backup:", "bucket:"],
          ["bash", "zsh", "fish"],
          [`file://${cwd}/here.txt`],
          ["list"],
        ]);
      }),
    TIME_MS,
  );

  test(
    "bash completes with the script that it is given",
    () =>
      withDirectory(async (cwd) => {
        const { stdout: script } = await omni(["completion", "bash"], { cwd });
        const { completeInBash } = await import("./bash.ts");
        expect(await completeInBash(script, "omni sync --max-d", cwd)).toEqual(["--max-delete", "--max-duration"]);
        expect(await completeInBash(script, "omni tr", cwd)).toEqual(["tree"]);
      }),
    TIME_MS,
  );
});
