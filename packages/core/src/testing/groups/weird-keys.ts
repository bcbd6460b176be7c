import { DEFAULT_MAX_PATH_BYTES } from "../../path.ts";
import type { Case, Group } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { bytesOf, pathsOf, writeAll } from "../objects.ts";

/** Names that some layer of some store has mistaken for something else. */
const KEYS: Readonly<Record<string, string>> = {
  "a space": "a b/c d.txt",
  "a space at both ends": " a/ b ",
  "two spaces": "a  b",
  "a plus": "a+b/c+d",
  "a percent": "100%/50%.txt",
  "percent-encoding": "a%2Fb%20c%00",
  "a question mark": "a?b=c",
  "a hash": "a#b",
  "an ampersand and an equals sign": "a&b=c",
  "a backslash": "a\\b\\..\\c",
  quotes: `a"b'c\`d`,
  "angle brackets": "a<b>c",
  "a colon": "a:b/c:",
  "a semicolon and a comma": "a;b,c",
  "glob characters": "a*b?[c]{d,e}",
  "a dollar and an exclamation mark": "$HOME/!a",
  "a tilde": "~/a~",
  "a pipe and a caret": "a|b^c",
  "at and parentheses": "a@b(c)",
  "a dot file": ".hidden/.file",
  "leading dots": "..foo/...bar",
  "trailing dots": "foo../bar...",
  "three dots": ".../a",
  "a tab": "a\tb",
  "accents, composed": "caf\u00e9",
  "accents, decomposed": "cafe\u0301",
  "other scripts": "日本語/Ελληνικά/עברית",
  "an emoji": "😀/👩‍👩‍👧",
  "characters at the ends of the plane": "\u{fffd}/\u{10fffd}",
  "a name of an object's own methods": "constructor/__proto__/toString",
  "a number": "0/-1/1e3",
  "a name like a temporary file": "a.tmp/b.part/.c.swp",
  "a name like the reserved one": ".omnifoo/a",
  "the reserved name below the root": "a/.omni/b",
  "many levels": Array.from({ length: 40 }, (_, i) => `l${i}`).join("/"),
  "a long name": `a/${"n".repeat(240)}`,
};

const keys: readonly Case[] = Object.entries(KEYS).map(([name, path]) => ({
  name,
  run: async ({ backend, check }) => {
    const info = await backend.write(path, `is ${path}`);
    check.same("path in the answer", info.path, path);
    check.bytes("the object", await bytesOf(backend, path), `is ${path}`);
    check.same("path in stat", (await backend.stat(path)).path, path);
    check.same("the listing", await pathsOf(backend), [path]);
    check.same("the listing by its prefix", await pathsOf(backend, path), [path]);
    await backend.delete(path);
    check.same("the object is there after its delete", await backend.exists(path), false);
  },
}));

const pairs: readonly Case[] = [
  {
    name: "upper and lower case are two names",
    run: async ({ backend, check }) => {
      await writeAll(backend, ["Name", "name", "NAME"]);
      for (const path of ["Name", "name", "NAME"]) check.bytes(path, await bytesOf(backend, path), path);
    },
  },
  {
    name: "composed and decomposed accents are two names",
    run: async ({ backend, check }) => {
      const names = ["caf\u00e9", "cafe\u0301"];
      await writeAll(backend, names);
      for (const path of names) check.bytes(path, await bytesOf(backend, path), path);
      check.same("how many are listed", (await pathsOf(backend)).length, 2);
    },
  },
  {
    name: "encoded and plain are two names",
    run: async ({ backend, check }) => {
      const names = ["a b", "a%20b", "a+b"];
      await writeAll(backend, names);
      for (const path of names) check.bytes(path, await bytesOf(backend, path), path);
      check.same("how many are listed", (await pathsOf(backend)).length, 3);
    },
  },
  {
    name: "an object and objects below its name",
    run: async ({ backend, check }) => {
      const names = ["a", "a/b", "a/b/c"];
      for (const path of names) await backend.write(path, path);
      for (const path of names) check.bytes(path, await bytesOf(backend, path), path);
      await backend.delete("a/b");
      check.same("what is left", (await pathsOf(backend)).sort(), ["a", "a/b/c"]);
    },
  },
  {
    name: "the longest path",
    run: async ({ backend, features, check }) => {
      const longest = features.maxPathBytes ?? DEFAULT_MAX_PATH_BYTES;
      // Names of 199 bytes: file systems limit a single one to 255.
      const path = `${"s".repeat(199)}/`.repeat(20).slice(0, longest).replace(/\/$/, "s");
      check.same("its length", path.length, Math.min(longest, 4_000));
      await backend.write(path, "x");
      check.bytes("the object", await bytesOf(backend, path), "x");
      check.same("the listing", await pathsOf(backend), [path]);
    },
  },
];

/** Paths that are legal and unusual. */
export const weirdKeys: Group = { name: "weird keys", needs: [STORED], cases: [...keys, ...pairs] };
