import { readFileSync } from "node:fs";
import { settingsOf, VARIABLES } from "../src/settings.ts";

test("the README has every variable with its default and what it is", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \| (.*?) \| (.*) \|$/gm)].map(([, name, ...rest]) => [name, ...rest]);
  expect(rows).toEqual(Object.entries(VARIABLES).map(([name, { default: value, about }]) => [name, value, about]));
});

test.each(["-1", "65536", "http", "1.5"])("the port %s is refused", (PORT) => {
  expect(() => settingsOf({ PORT })).toThrow(/PORT is a port, 0 to 65535/);
});
