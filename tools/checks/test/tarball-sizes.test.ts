import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { type PublishedPackage, publishedPackages } from "../packages.ts";
import { packedFiles } from "../packed-files.ts";
import { agreedSizes, sizeFaults, sizeOf } from "../tarball-sizes.ts";

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const agreed = { packed: 100_000, unpacked: 400_000, dependencies: 2 };

test.each([
  ["the same", agreed],
  ["a tenth more", { packed: 110_000, unpacked: 440_000, dependencies: 2 }],
  ["somewhat less", { packed: 80_000, unpacked: 320_000, dependencies: 2 }],
])("%s is in order", (_name, found) => {
  expect(sizeFaults(found, agreed)).toEqual([]);
});

test("a small package may grow by some lines", () => {
  const small = { packed: 3_000, unpacked: 9_000, dependencies: 0 };
  expect(sizeFaults({ ...small, packed: 4_000, unpacked: 11_000 }, small)).toEqual([]);
  expect(sizeFaults({ ...small, packed: 6_000 }, small)[0]).toBe("6000 bytes packed, 3000 were agreed");
});

test.each([
  ["twice the tarball", { ...agreed, packed: 200_000 }, "200000 bytes packed, 100000 were agreed"],
  ["twice the files", { ...agreed, unpacked: 800_000 }, "800000 bytes unpacked, 400000 were agreed"],
  ["a tenth and a bit", { ...agreed, packed: 110_001 }, "110001 bytes packed, 100000 were agreed"],
  ["one dependency more", { ...agreed, dependencies: 3 }, "3 dependencies, 2 were agreed"],
  ["one dependency less", { ...agreed, dependencies: 1 }, "1 dependencies, 2 were agreed"],
  ["half of it gone", { ...agreed, unpacked: 200_000 }, "only 200000 bytes unpacked of 400000: agree on less"],
])("%s is told, with the way out", (_name, found, words) => {
  expect(sizeFaults(found, agreed)).toEqual([words, "npm run sizes, when it is meant"]);
});

test("a package without a line is told", () => {
  expect(sizeFaults(agreed, undefined)).toEqual(["has no line in tools/checks/tarball-sizes.json: npm run sizes"]);
});

test("the table has every published package and no other, with as many dependencies as its manifest", () => {
  const declared = publishedPackages(root).map(({ manifest }) => [manifest.name, Object.keys(manifest.dependencies ?? {}).length]);
  const lines = Object.entries(agreedSizes(root)).map(([name, { dependencies }]) => [name, dependencies]);
  expect(lines).toEqual(declared);
});

describe("a tarball that tar made", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "omni-tarball-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const deep = `src/${"a-rather-long-name-of-a-folder/".repeat(4)}deep.ts`;

  function pack(sourceBytes: number): Uint8Array {
    mkdirSync(join(folder, "package", dirname(deep)), { recursive: true });
    writeFileSync(join(folder, "package", "package.json"), "{}");
    writeFileSync(join(folder, "package", "src", "empty.ts"), "");
    // Nothing that packs well: twice the source is then twice the tarball.
    const noise = createHash("shake256", { outputLength: sourceBytes }).update("noise").digest();
    writeFileSync(join(folder, "package", deep), noise);
    execFileSync("tar", ["--format=ustar", "-czf", "package.tgz", "package"], { cwd: folder });
    return readFileSync(join(folder, "package.tgz"));
  }

  test("its files and their bytes are read, also under long names", () => {
    const files = packedFiles(pack(1_000)).toSorted((one, other) => one.path.localeCompare(other.path));
    expect(files.map(({ path, content }) => ({ path, bytes: content.byteLength }))).toEqual([
      { path: "package.json", bytes: 2 },
      { path: deep, bytes: 1_000 },
      { path: "src/empty.ts", bytes: 0 },
    ]);
    expect(new TextDecoder().decode(files[0]?.content)).toBe("{}");
  });

  test("one that doubles is a fault of its package", () => {
    const published: PublishedPackage = {
      folder: "a",
      path: folder,
      manifest: { name: "@omni/a", exports: {}, dependencies: { b: "^1.0.0" } },
    };
    const once = sizeOf(published, pack(50_000));
    const twice = sizeOf(published, pack(100_000));
    expect(once).toMatchObject({ unpacked: 50_002, dependencies: 1 });
    expect(sizeFaults(once, once)).toEqual([]);
    expect(sizeFaults(twice, once)).toEqual([
      expect.stringMatching(/bytes packed, \d+ were agreed$/),
      "100002 bytes unpacked, 50002 were agreed",
      "npm run sizes, when it is meant",
    ]);
  });
});
