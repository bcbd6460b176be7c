import type { Backend, ListOptions } from "../../backend.ts";
import { comparePaths } from "../../path.ts";
import type { Case, Group } from "../kit-case.ts";
import { STORED } from "../needs.ts";
import { pathsOf, writeAll } from "../objects.ts";
import { recording } from "../recording.ts";

/** A small tree; `data` is a prefix of names on several levels. */
const TREE = ["a.txt", "data-old/x", "data.txt", "data/a", "data/b/c", "data/b/d", "data/e", "database/x", "z/y/x/w"];

/** What a listing of the tree must give; compared as sets where the store does not sort. */
function lists(name: string, prefix: string, options: ListOptions, expected: readonly string[]): Case {
  return {
    name,
    run: async ({ backend, check }) => {
      await writeAll(backend, TREE);
      const paths = await pathsOf(backend, prefix, options);
      check.same("paths", inOrder(backend, paths), inOrder(backend, expected));
    },
  };
}

function inOrder(backend: Backend, paths: readonly string[]): readonly string[] {
  return backend.features.sortedList ? paths : [...paths].sort(comparePaths);
}

const prefixes: readonly Case[] = [
  { name: "an empty store lists nothing", run: async ({ backend, check }) => check.same("paths", await pathsOf(backend), []) },
  lists("everything", "", {}, TREE),
  lists("a prefix is a plain string", "data", {}, [
    "data-old/x",
    "data.txt",
    "data/a",
    "data/b/c",
    "data/b/d",
    "data/e",
    "database/x",
  ]),
  lists("a prefix with a slash means a folder", "data/", {}, ["data/a", "data/b/c", "data/b/d", "data/e"]),
  lists("a prefix within a name", "data/b/", {}, ["data/b/c", "data/b/d"]),
  lists("a prefix that is a whole path", "data/e", {}, ["data/e"]),
  lists("a prefix that nothing has", "nothing", {}, []),
  lists("a folder that nothing is in", "a.txt/", {}, []),
  lists("a prefix that looks like a pattern", "data*", {}, []),
];

const groups: readonly Case[] = [
  lists("a delimiter groups folders", "", { delimiter: "/" }, ["a.txt", "data-old/", "data.txt", "data/", "database/", "z/"]),
  lists("a delimiter below a folder", "data/", { delimiter: "/" }, ["data/a", "data/b/", "data/e"]),
  lists("a delimiter below a part of a name", "data", { delimiter: "/" }, ["data-old/", "data.txt", "data/", "database/"]),
  lists("a delimiter where nothing is to be grouped", "data/b/", { delimiter: "/" }, ["data/b/c", "data/b/d"]),
  lists("another delimiter", "", { delimiter: "-" }, [
    "a.txt",
    "data-",
    "data.txt",
    "data/a",
    "data/b/c",
    "data/b/d",
    "data/e",
    "database/x",
    "z/y/x/w",
  ]),
  lists("a delimiter with small pages", "", { delimiter: "/", pageSize: 2 }, [
    "a.txt",
    "data-old/",
    "data.txt",
    "data/",
    "database/",
    "z/",
  ]),
  {
    name: "a group is marked as a directory, an object is not",
    run: async ({ backend, check }) => {
      await writeAll(backend, TREE);
      const marks: Record<string, boolean> = {};
      for await (const { path, isDirectory } of backend.list("data/", { delimiter: "/" })) marks[path] = isDirectory === true;
      check.same("isDirectory", marks, { "data/a": false, "data/b/": true, "data/e": false });
    },
  },
];

const places: readonly Case[] = [
  lists("startAfter a path that is there", "", { startAfter: "data/b/c" }, ["data/b/d", "data/e", "database/x", "z/y/x/w"]),
  lists("startAfter a path that is not", "", { startAfter: "data/bb" }, ["data/e", "database/x", "z/y/x/w"]),
  lists("startAfter within a prefix", "data/", { startAfter: "data/b/c" }, ["data/b/d", "data/e"]),
  lists("startAfter before the prefix", "data/", { startAfter: "a" }, ["data/a", "data/b/c", "data/b/d", "data/e"]),
  lists("startAfter behind the prefix", "data/", { startAfter: "zz" }, []),
  lists("startAfter the last path", "", { startAfter: "z/y/x/w" }, []),
  lists("startAfter a group goes on behind it", "", { delimiter: "/", startAfter: "data/" }, ["database/", "z/"]),
  {
    name: "byte order, where the store sorts",
    run: async ({ backend, features, check }) => {
      // In UTF-16 order U+1F600 stands before U+FF5E; "-" and "." stand before "/".
      const paths = ["Z", "a!b", "a-b", "a.b", "a/b", "a0b", "ab", "b", "~", "é", "～", "😀"];
      await writeAll(backend, [...paths].reverse());
      const listed = await pathsOf(backend);
      check.same("paths", features.sortedList ? listed : [...listed].sort(comparePaths), paths);
    },
  },
];

const changes: readonly Case[] = [
  {
    name: "an object is listed as soon as it is written",
    run: async ({ backend, check }) => {
      await backend.write("m", "x");
      check.same("one", await pathsOf(backend), ["m"]);
      await writeAll(backend, ["a", "z"]);
      check.same("three", inOrder(backend, await pathsOf(backend)), ["a", "m", "z"]);
    },
  },
  {
    name: "an object is not listed any more as soon as it is deleted",
    run: async ({ backend, check }) => {
      await writeAll(backend, ["a", "m", "z"]);
      await backend.delete("m");
      check.same("paths", inOrder(backend, await pathsOf(backend)), ["a", "z"]);
      await backend.delete("a");
      await backend.delete("z");
      check.same("none", await pathsOf(backend), []);
    },
  },
  {
    name: "a folder without objects is not listed",
    run: async ({ backend, check }) => {
      await backend.write("folder/deep/object", "x");
      await backend.delete("folder/deep/object");
      check.same("flat", await pathsOf(backend), []);
      check.same("grouped", await pathsOf(backend, "", { delimiter: "/" }), []);
    },
  },
  {
    name: "a listing tells the sizes",
    run: async ({ backend, check }) => {
      await writeAll(backend, ["a", "bbb", "cc/dddd"]);
      const seen: Record<string, number> = {};
      for await (const { path, size } of backend.list()) seen[path] = size;
      check.same("sizes", seen, { a: 1, bbb: 3, "cc/dddd": 7 });
    },
  },
  {
    name: "a listing that is left early ends",
    run: async ({ backend, check }) => {
      await writeAll(backend, TREE);
      for await (const { path } of backend.list()) {
        check.ok("a path came", TREE.includes(path));
        break;
      }
      check.same("a new listing", inOrder(backend, await pathsOf(backend)), TREE);
    },
  },
  {
    name: "a listing asks for nothing before it is iterated",
    run: async ({ backend, check }) => {
      const watched = recording(backend);
      const listing = watched.list();
      check.same("requests", watched.requests.count(), 0);
      for await (const { path } of listing) check.same("an entry of an empty store", path, undefined);
      check.same("requests afterwards", watched.requests.count(), 1);
    },
  },
];

/** Listing. */
export const listing: Group = { name: "listing", needs: [STORED], cases: [...prefixes, ...groups, ...places, ...changes] };
