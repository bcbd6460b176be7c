import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const workflows = globSync(".github/workflows/*.yml", { cwd: root })
  .sort()
  .map((path) => [path, readFileSync(join(root, path), "utf8")] as const);

test("there is one for changes and one for releases", () => {
  expect(workflows.map(([path]) => path)).toEqual(
    expect.arrayContaining([".github/workflows/ci.yml", ".github/workflows/release.yml"]),
  );
});

test.each(workflows)("%s: actions have a whole version, rights are given by name, jobs end", (_path, text) => {
  const actions = [...text.matchAll(/uses: (\S+)/g)].map(([, action]) => action ?? "");
  expect(actions.filter((action) => !/@v\d+\.\d+\.\d+$/.test(action))).toEqual([]);
  expect(text).toMatch(/^permissions:\n {2}contents: read$/m);
  const jobs = text.match(/runs-on:/g) ?? [];
  expect(text.match(/timeout-minutes:/g)).toHaveLength(jobs.length);
});

test.each(workflows)("%s runs commands that are there", (_path, text) => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
  const asked = [...text.matchAll(/(?:npm|pnpm) run ([\w:-]+)/g)].map(([, name]) => name ?? "");
  expect(asked.filter((name) => !(name in scripts))).toEqual([]);
});

test("a release has provenance, and a token from the registry only where one is needed", () => {
  const release = new Map(workflows).get(".github/workflows/release.yml") ?? "";
  expect(release).toContain("id-token: write");
  expect(release).toContain('NPM_CONFIG_PROVENANCE: "true"');
  for (const [path, text] of workflows) if (!path.endsWith("release.yml")) expect(text).not.toContain("NPM_TOKEN");
});
