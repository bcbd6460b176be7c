// The options tables of the packages' READMEs beside the interfaces that declare the options: names both ways, and defaults.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import ts from "typescript";

import { sameDefault } from "./option-defaults.ts";

/** An option as an interface declares it. */
export interface DeclaredOption {
  readonly name: string;
  readonly isRequired: boolean;
  /** What its `@default` says. */
  readonly default?: string | undefined;
}

/** Whose options the table of a package's README lists, by its folder. Flags are options of a command line, whose defaults stand elsewhere. */
export interface Described {
  readonly interfaces: readonly string[];
  readonly areFlags?: boolean;
}

export const described: Readonly<Record<string, Described>> = {
  channel: { interfaces: ["ChannelOptions"] },
  cli: { interfaces: ["GlobalOptions"], areFlags: true },
  cloud: { interfaces: ["CloudsOptions"] },
  codec: { interfaces: ["CompressionOptions", "NdjsonOptions", "LengthPrefixedOptions"] },
  core: { interfaces: ["WriteOptions"] },
  file: { interfaces: ["FileOptions"] },
  gcs: { interfaces: ["GcsOptions"] },
  memory: { interfaces: ["MemoryOptions"] },
  multi: { interfaces: ["MultiOptions"] },
  otel: { interfaces: ["StorageInstrumentationOptions", "MultiInstrumentationOptions"] },
  "queue-composite": { interfaces: ["CompositeOptions"] },
  "queue-kafka": { interfaces: ["KafkaQueueOptions"] },
  "queue-memory": { interfaces: ["MemoryQueueOptions"] },
  "queue-nats": { interfaces: ["NatsQueueOptions"] },
  s3: { interfaces: ["S3Options"] },
  sftp: { interfaces: ["SftpOptions"] },
  sync: { interfaces: ["SyncOptions", "MigrateOptions"] },
};

/** A row of an options table. */
interface Row {
  readonly names: readonly string[];
  /** Absent where the table has no column of defaults. */
  readonly default?: string | undefined;
}

/**
 * What differs between a README and the code, one sentence each.
 *
 * Every option of the code stands in the option column of a table below `## Options`, or in the text of that section; every name in an option column is
 * an option of the code; a default that a row states is the one of the code's `@default`.
 */
export function optionFaults(readme: string, options: readonly DeclaredOption[], areFlags = false): readonly string[] {
  const section = optionsSection(readme);
  const rows = optionRows(section, areFlags);
  if (rows.length === 0) return ["there is no table with a column `option` below `## Options`"];
  const inTables = new Set(rows.flatMap(({ names }) => names));
  const inText = new Set(section.filter((line) => !line.startsWith("|")).flatMap(codeSpans));
  const missing = options.filter(({ name }) => !inTables.has(name) && !inText.has(name));
  return [
    ...missing.map(({ name }) => `\`${name}\` is an option of the code and stands in no table`),
    ...rows.flatMap((row) => rowFaults(row, options, areFlags)),
  ];
}

function rowFaults(row: Row, options: readonly DeclaredOption[], areFlags: boolean): readonly string[] {
  const unknown = row.names.filter((name) => options.every((option) => option.name !== name));
  const faults = unknown.map((name) => `\`${name}\` stands in a table and is no option of the code`);
  if (row.default === undefined || areFlags) return faults;
  const stated = statedDefaults(row.default, row.names.length);
  if (!stated) return [...faults, `${row.names.join(", ")}: ${row.names.length} options have the defaults ${row.default}`];
  row.names.forEach((name, at) => {
    for (const option of options.filter((one) => one.name === name)) {
      const fault = defaultFault(option, stated[at] ?? "");
      if (fault !== undefined) faults.push(`\`${name}\`: ${fault}`);
    }
  });
  return faults;
}

function defaultFault({ isRequired, default: declared }: DeclaredOption, stated: string): string | undefined {
  if (isRequired || stated === "required")
    return isRequired === (stated === "required") ? undefined : `required is ${isRequired} in the code, the table says "${stated}"`;
  if (declared === undefined)
    return ["", "none"].includes(stated) ? undefined : `the code declares no default, the table says "${stated}"`;
  return sameDefault(stated, declared) ? undefined : `the code's default is "${declared}", the table says "${stated}"`;
}

/** The defaults of a row: one for all of its options, or one each, with commas or semicolons between. */
function statedDefaults(cell: string, count: number): readonly string[] | undefined {
  if (count === 1) return [cell];
  const each = cell.split(/[;,]\s+(?![^{]*\})/);
  if (each.length === 1) return Array.from({ length: count }, () => cell);
  return each.length === count ? each : undefined;
}

function optionsSection(readme: string): readonly string[] {
  const lines = readme.split("\n");
  const start = lines.indexOf("## Options") + 1;
  if (start === 0) return [];
  const length = lines.slice(start).findIndex((line) => line.startsWith("## "));
  return lines.slice(start, length < 0 ? undefined : start + length);
}

function optionRows(section: readonly string[], areFlags: boolean): readonly Row[] {
  const rows: Row[] = [];
  let header: readonly string[] | undefined;
  for (const line of section) {
    const cells = line.startsWith("|") ? cellsOf(line) : undefined;
    const isHeader = cells !== undefined && header === undefined;
    if (cells === undefined || isHeader) header = cells;
    else if (header?.includes("option") && !cells.every((cell) => /^:?-+:?$/.test(cell)))
      rows.push({ names: namesOf(cells[header.indexOf("option")] ?? "", areFlags), default: cells[header.indexOf("default")] });
  }
  return rows;
}

function cellsOf(line: string): readonly string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function namesOf(cell: string, areFlags: boolean): readonly string[] {
  if (!areFlags) return codeSpans(cell);
  const flags = codeSpans(cell).flatMap((span) => /^--([a-z-]+)/.exec(span)?.[1] ?? []);
  return flags.map((flag) => flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()));
}

/** What stands between backticks; of `ifNoneMatch: "*"` the name. */
function codeSpans(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, span = ""]) => span.replace(/^(\w+): .*$/, "$1"));
}

/**
 * The options that interfaces of a package declare, those that they take over included.
 *
 * @param sources folders in which interfaces are looked for, the first that has one wins
 * @throws Error when an interface is not there, or takes options over in a way that is not followed
 */
export function declaredOptions(sources: readonly string[], interfaces: readonly string[]): readonly DeclaredOption[] {
  const found = sources.map(interfacesIn);
  return interfaces.flatMap((name) => optionsOf(name, found));
}

/** The sources of a package, and of the core, whose interfaces others extend. */
export function sourcesOf(root: string, folder: string): readonly string[] {
  return [join(root, "packages", folder, "src"), join(root, "packages", "core", "src")].filter((path) => existsSync(path));
}

type Interfaces = ReadonlyMap<string, readonly ts.InterfaceDeclaration[]>;

const parsed = new Map<string, Interfaces>();

function interfacesIn(folder: string): Interfaces {
  const known = parsed.get(folder);
  if (known) return known;
  const found = new Map<string, ts.InterfaceDeclaration[]>();
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  for (const file of files) {
    const source = ts.createSourceFile(file, readFileSync(join(folder, file), "utf8"), ts.ScriptTarget.Latest, true);
    for (const statement of source.statements)
      if (ts.isInterfaceDeclaration(statement))
        found.set(statement.name.text, [...(found.get(statement.name.text) ?? []), statement]);
  }
  parsed.set(folder, found);
  return found;
}

function optionsOf(name: string, found: readonly Interfaces[]): readonly DeclaredOption[] {
  const declarations = found.map((one) => one.get(name) ?? []).find(({ length }) => length > 0) ?? [];
  const [declaration] = declarations;
  if (declaration === undefined || declarations.length > 1)
    throw new Error(`${declarations.length} interfaces are called ${name}; the options of one are to be compared`);
  const own = declaration.members.filter(ts.isPropertySignature).map(optionOf);
  const bases = (declaration.heritageClauses ?? []).flatMap(({ types }) => types.map((type) => type.expression.getText()));
  const names = new Set(own.map((option) => option.name));
  return [...own, ...bases.flatMap((base) => optionsOf(base, found)).filter((option) => !names.has(option.name))];
}

function optionOf(member: ts.PropertySignature): DeclaredOption {
  const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === "default");
  const text = ts.getTextOfJSDocComment(tag?.comment)?.replace(/\s+/g, " ").trim();
  return { name: member.name.getText(), isRequired: member.questionToken === undefined, default: text };
}
