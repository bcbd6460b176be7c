// The public API of each entry point beside its report in etc/: a change of the API is a change in the review.
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { Extractor, ExtractorConfig, ExtractorLogLevel, type ExtractorMessage } from "@microsoft/api-extractor";

import { type CheckContext, CheckFailure, type CheckOutcome } from "./check.ts";
import { type PublishedPackage, publishedPackages, typedEntries } from "./packages.ts";

const reportFolder = "etc";

/** Compares every report; `npm run api` writes them. */
export async function apiReports(context: CheckContext): Promise<CheckOutcome> {
  const entries = publishedPackages(context.root).flatMap((published) =>
    typedEntries(published).map((entry) => ({ published, ...entry })),
  );
  const changed: string[] = [];
  for (const { published, entry, types } of entries) {
    if (!existsSync(types)) throw new CheckFailure(`${types} is missing: run the build first`);
    const name = reportName(published.folder, entry);
    const report = extract(context.root, published, types, name, false, context.log);
    if (report.changed) changed.push(name);
  }
  const orphans = orphanReports(
    context.root,
    entries.map(({ published, entry }) => reportName(published.folder, entry)),
  );
  if (changed.length > 0)
    throw new CheckFailure(`the public API differs from ${changed.join(", ")}: look at it, then \`npm run api\` and commit`);
  if (orphans.length > 0) throw new CheckFailure(`reports without an entry point: ${orphans.join(", ")}`);
  return { passed: entries.length };
}

/** Writes every report as the built declarations are now. */
export function writeApiReports(root: string): void {
  for (const published of publishedPackages(root)) {
    for (const { entry, types } of typedEntries(published)) {
      const name = reportName(published.folder, entry);
      const { changed } = extract(root, published, types, name, true, console.error);
      console.log(`${changed ? "written  " : "unchanged"} ${reportFolder}/${name}`);
    }
  }
}

function reportName(folder: string, entry: string): string {
  return `${folder}${entry === "." ? "" : entry.slice(1).replaceAll("/", "-")}.api.md`;
}

function orphanReports(root: string, expected: readonly string[]): readonly string[] {
  const folder = join(root, reportFolder);
  const there = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".api.md")) : [];
  return there.filter((name) => !expected.includes(name));
}

/** With `write` the checked-in report is replaced; without, a difference is told and nothing is touched. */
function extract(
  root: string,
  published: PublishedPackage,
  types: string,
  name: string,
  write: boolean,
  log: (line: string) => void,
): { changed: boolean } {
  const folder = join(root, reportFolder);
  const temporary = join(root, ".cache", "api");
  mkdirSync(folder, { recursive: true });
  mkdirSync(temporary, { recursive: true });
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(published.path, "package.json"),
    configObject: {
      projectFolder: published.path,
      mainEntryPointFilePath: types,
      compiler: { overrideTsconfig: { compilerOptions: compilerOptions(root), files: [types] } },
      apiReport: { enabled: true, reportFileName: name, reportFolder: folder, reportTempFolder: temporary },
      newlineKind: "lf",
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.None },
          // A type that callers meet and cannot import.
          "ae-forgotten-export": { logLevel: ExtractorLogLevel.Warning, addToApiReportFile: true },
        },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  });
  let compilerErrors = 0;
  const result = Extractor.invoke(config, {
    localBuild: write,
    messageCallback: (message: ExtractorMessage) => {
      if (message.logLevel === ExtractorLogLevel.Error) compilerErrors += 1;
      if (message.logLevel === ExtractorLogLevel.Error || message.logLevel === ExtractorLogLevel.Warning)
        log(`${name}: ${message.text}`);
      message.handled = true;
    },
  });
  if (compilerErrors > 0) throw new CheckFailure(`${name}: ${compilerErrors} errors while reading the declarations (see the log)`);
  if (result.apiReportChanged) log(difference(join(folder, name), join(temporary, name)));
  return { changed: result.apiReportChanged };
}

/** The lines of each side that the other does not have: enough to see what changed, without a diff library. */
function difference(before: string, after: string): string {
  const lines = (path: string): readonly string[] => (existsSync(path) ? readFileSync(path, "utf8").split(/\r?\n/) : []);
  const [old, now] = [lines(before), lines(after)];
  const marked = [
    ...old.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ];
  return [basename(before), ...marked].join("\n");
}

function compilerOptions(root: string): Readonly<Record<string, unknown>> {
  return {
    target: "es2023",
    lib: ["ES2023", "ESNext.Disposable", "ESNext.AsyncIterable"],
    module: "nodenext",
    moduleResolution: "nodenext",
    types: ["node"],
    typeRoots: [join(root, "node_modules", "@types")],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    noEmit: true,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeApiReports(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
