import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { withConfig } from "./configured.ts";
import { objectsOf } from "./process.ts";

// Each run is a process of its own, and machines may be busy.
const TIME_MS = 240_000;

/** A backend of somebody else, without dependencies: a definition as `defineBackend` makes it. */
const MYCLOUD = `
export const mycloud = Object.assign(() => { throw new Error("not called"); }, {
  scheme: "mycloud",
  options: {},
  fromUrl: (url) => ({ host: url.host }),
  fromText: ({ host }) => { throw new Error("mycloud was asked for " + host); },
});
Object.defineProperty(mycloud, Symbol.for("@omni/core/definition@1"), { value: true });
`;

test(
  "a configuration in TypeScript is loaded from above, with types in it",
  () =>
    withConfig(
      {
        "omni.config.ts":
          'const root: string = "./data";\nexport default { backends: { data: root, made: (): never => { throw new Error("no store today"); } } };\n',
        "in/x.txt": "x",
      },
      async ({ cwd, runWith, run }) => {
        expect((await runWith({ input: "hello" }, "put", "-", "data:a.txt")).code).toBe(0);
        expect((await run("cat", "data:a.txt")).stdout).toBe("hello");
        const failed = await run("ls", "made:");
        expect([failed.code, failed.stderr]).toEqual([64, "omni: omni.config.ts: backends.made: no store today\n"]);
        expect(cwd).not.toBe("");
      },
    ),
  TIME_MS,
);

test(
  "a backend that code made is called by its name",
  () =>
    withConfig(
      {
        "omni.config.mjs": `import { file } from "@omni/file";
          const root = import.meta.dirname + "/data";
          export default { backends: { made: file({ root }), later: async () => file({ root }) } };`,
        "x.txt": "x",
      },
      async ({ cwd, run, runWith }) => {
        await mkdir(join(cwd, "node_modules/@omni"), { recursive: true });
        await symlink(join(import.meta.dirname, "../../file"), join(cwd, "node_modules/@omni/file"));
        expect((await runWith({ input: "hello" }, "put", "-", "made:in/a.txt")).stdout).toBe("+ made:in/a.txt\n");
        expect((await run("put", "x.txt", "later:")).stdout).toBe("+ later:x.txt\n");
        const removed = await run("rm", "made:in/a.txt", "--json");
        expect(objectsOf(removed.stdout)).toEqual([expect.objectContaining({ action: "delete", url: "made:in/a.txt" })]);
      },
    ),
  TIME_MS,
);

test(
  "one that is broken is named with its line",
  () =>
    withConfig(
      {
        "omni.config.ts": "const a = 1;\nconst b = nowhere.x;\nexport default {};\n",
        "syntax.ts": "export default {\n  backends: { a: \n",
        "none.ts": "export const config = {};\n",
        "wrong.ts": 'export default { backends: { a: { ulr: "x" } } };\n',
      },
      async ({ run }) => {
        const thrown = await run("ls", "a:");
        expect([thrown.code, thrown.stderr]).toEqual([
          64,
          "omni: omni.config.ts: it cannot be loaded: ReferenceError: nowhere is not defined (omni.config.ts:2)\n",
        ]);
        const syntax = await run("ls", "a:", "--config", "syntax.ts");
        expect([syntax.code, syntax.stderr]).toEqual([64, expect.stringMatching(/^omni: syntax\.ts: it cannot be loaded: /)]);
        const none = await run("ls", "a:", "--config", "none.ts");
        expect(none.stderr).toBe("omni: none.ts: it has no default export; write export default defineConfig({ … })\n");
        const wrong = await run("ls", "a:", "--config", "wrong.ts");
        expect(wrong.stderr).toBe("omni: wrong.ts: backends.a.url: it is missing; give a text\n");
      },
    ),
  TIME_MS,
);

test(
  "use makes other people's backends known, and says what is wrong with a module",
  () =>
    withConfig(
      {
        "omni.config.json": JSON.stringify({ use: ["./mycloud.mjs"], backends: { photos: "mycloud://photos" } }),
        "mycloud.mjs": MYCLOUD,
        "none.json": '{"use":["./nothing.mjs"],"backends":{"a":"mycloud://a"}}',
        "empty.json": '{"use":["./empty.mjs"],"backends":{"a":"mycloud://a"}}',
        "empty.mjs": "export const x = 1;",
      },
      async ({ run }) => {
        const found = await run("ls", "photos:", "--json");
        expect([found.code, objectsOf(found.stderr)[0]]).toEqual([
          4,
          { error: expect.objectContaining({ message: expect.stringContaining("mycloud was asked for photos") }) },
        ]);
        expect((await run("ls", "a:", "--config", "none.json")).stderr).toContain(
          'none.json: use[0]: there is no module "./nothing.mjs"',
        );
        expect((await run("ls", "a:", "--config", "empty.json")).stderr).toContain(
          "empty.json: use[0]: ./empty.mjs exports no backend and registers none",
        );
      },
    ),
  TIME_MS,
);
