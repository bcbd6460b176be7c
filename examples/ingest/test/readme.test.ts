import { readFileSync } from "node:fs";
import { VARIABLES } from "../src/environment.ts";

test("the README has every variable with its default and what it is", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \| (.*?) \| (.*) \|$/gm)].map(([, name, ...rest]) => [name, ...rest]);
  expect(rows).toEqual(Object.entries(VARIABLES).map(([name, { default: value, about }]) => [name, value, about]));
});
