import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { sameDefault } from "../option-defaults.ts";
import { type DeclaredOption, declaredOptions, described, optionFaults, sourcesOf } from "../option-tables.ts";
import { publishedPackages } from "../packages.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const packages = publishedPackages(root);

const readmeOf = (folder: string): string => readFileSync(join(root, "packages", folder, "README.md"), "utf8");
const optionsOf = (folder: string): readonly DeclaredOption[] =>
  declaredOptions(sourcesOf(root, folder), described[folder]?.interfaces ?? []);

test("every published package says which options its README lists", () => {
  expect(packages.map(({ folder }) => folder)).toEqual(Object.keys(described).sort());
});

test.each(packages.map(({ folder }) => folder))("the options of %s are those of its README", (folder) => {
  const options = optionsOf(folder);
  expect(options.length).toBeGreaterThan(0);
  expect(optionFaults(readmeOf(folder), options, described[folder]?.areFlags)).toEqual([]);
});

describe("a README that differs is told", () => {
  const faultsOf = (folder: string, from: string, to: string): readonly string[] => {
    const readme = readmeOf(folder);
    expect(readme).toContain(from);
    return optionFaults(readme.replace(from, to), optionsOf(folder), described[folder]?.areFlags);
  };

  test("by a name that the code does not have, and by the one that is missing then", () => {
    expect(faultsOf("file", "| `fsync` |", "| `fSync` |")).toEqual([
      "`fsync` is an option of the code and stands in no table",
      "`fSync` stands in a table and is no option of the code",
    ]);
    expect(faultsOf("cli", "| `--dry-run`", "| `--try-run`")).toHaveLength(2);
  });

  test("by another default, also of one of several options in a row", () => {
    expect(faultsOf("file", "| `stageTtlMs` | 7 days |", "| `stageTtlMs` | 8 days |")).toEqual([
      `\`stageTtlMs\`: the code's default is "604_800_000, seven days", the table says "8 days"`,
    ]);
    expect(faultsOf("s3", "| 10,000; 60,000 |", "| 10,000; 6,000 |")).toHaveLength(1);
    expect(faultsOf("s3", "| 10,000; 60,000 |", "| 1; 2; 3 |")).toHaveLength(1);
    expect(faultsOf("sftp", "| `port` | 22 |", "| `port` | |")).toHaveLength(1);
    expect(faultsOf("sftp", "| `port` | 22 |", "| `port` | required |")).toHaveLength(1);
    expect(faultsOf("s3", "| `bucket` | required |", "| `bucket` | none |")).toHaveLength(1);
  });

  test("by having no table at all", () => {
    expect(faultsOf("memory", "## Options", "## Choices")).toHaveLength(1);
  });
});

test("the code's options are those of all interfaces that one extends", () => {
  const folder = mkdtempSync(join(tmpdir(), "omni-options-"));
  try {
    const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
    write("a.ts", "interface A extends B {\n  /** Text. @default 5 */\n  readonly a?: number;\n  b: string;\n}");
    write("b.ts", 'interface B {\n  /** @default "x" */\n  b?: string;\n  c: string;\n}\ninterface C extends Pick<A, "a"> {}');
    expect(declaredOptions([folder], ["A"])).toEqual([
      { name: "a", isRequired: false, default: "5" },
      { name: "b", isRequired: true, default: undefined },
      { name: "c", isRequired: true, default: undefined },
    ]);
    expect(() => declaredOptions([folder], ["C"])).toThrow("0 interfaces are called Pick");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([
  ["8 MiB", "8 MiB", true],
  ["64 MiB", "67108864 (64 MiB)", true],
  ["7 days", "604_800_000, seven days", true],
  ["120 000", "120_000", true],
  ["5 GiB", "5 GB, the most", false],
  ["0", "0: never", true],
  ["10", "100", false],
  ["never", "0: never", false],
  ["`OMNI`", '"OMNI"', true],
  ["`Omni`", '"OMNI"', false],
  ["none", '""', false],
  ["`{ failures: 5, openMs: 10000 }`", "{ failures: 5, openMs: 10_000 }", true],
  ["`{ failures: 5 }`", "{ failures: 5, openMs: 10_000 }", false],
  ["false", "true", false],
  ["the machine's", "the machine's clock", true],
  ["silent", "the machine's clock", false],
  ["the", "the machine's clock", false],
])("%s for %s: %s", (stated, declared, same) => {
  expect(sameDefault(stated, declared)).toBe(same);
});
