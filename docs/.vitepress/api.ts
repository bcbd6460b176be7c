// Writes the API reference: one page per entry point of each published package, from the sources and their docstrings, into docs/api (not kept by git).
import { rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

import { Application, Logger, LogLevel, type ProjectReflection, ReflectionKind } from "typedoc";

import { type PublishedPackage, publishedPackages } from "../../tools/checks/packages.ts";

interface Entry {
  /** What an application imports: "@omni/core/queue". */
  readonly name: string;
  readonly source: string;
}

/**
 * @returns how many entry points have a page
 * @throws Error that names every exported symbol without a docstring, and every link in one that leads nowhere
 */
export async function writeApi(root: string): Promise<number> {
  const packages = publishedPackages(root);
  const entries = packages.flatMap(sourceEntries);
  const out = join(root, "docs", "api");
  const application = await Application.bootstrapWithPlugins({
    plugin: ["typedoc-plugin-markdown"],
    out,
    entryPoints: entries.map(({ source }) => source),
    tsconfig: join(root, "tsconfig.json"),
    skipErrorChecking: true, // The check `types` does that.
    excludePrivate: true,
    excludeInternal: true,
    excludeExternals: true,
    disableSources: true,
    readme: "none",
    hideGenerator: true,
    logLevel: "Error",
    sort: ["source-order"],
    kindSortOrder: ["Function", "Variable", "Interface", "TypeAlias", "Class", "Namespace"],
    validation: { notDocumented: true, invalidLink: true, notExported: false, rewrittenLink: false },
    requiredToBeDocumented: ["Function", "Variable", "Interface", "TypeAlias", "Class"],
    packagesRequiringDocumentation: packages.map(({ manifest }) => manifest.name),
    ...markdown,
  });
  const project = await application.convert();
  if (!project) throw new Error("typedoc could not read the sources");
  const faults = docstringFaults(application, project);
  if (faults.length > 0) throw new Error(`what the docstrings lack:\n${faults.join("\n")}`);
  for (const module of project.getChildrenByKind(ReflectionKind.Module)) {
    const path = module.sources?.[0]?.fullFileName;
    const entry =
      entries.find(({ source }) => source === path) ?? entries.find(({ source }) => moduleName(root, source) === module.name);
    if (!entry) throw new Error(`typedoc made a page of ${module.name}, which is no entry point`);
    module.name = entry.name;
  }
  rmSync(out, { recursive: true, force: true });
  await application.generateOutputs(project);
  writeFileSync(join(out, ".gitignore"), "*\n");
  return entries.length;
}

/** Keeps what typedoc warns of, in place of printing it. */
class Collector extends Logger {
  readonly messages: string[] = [];

  override log(message: string, level: LogLevel): void {
    super.log(message, level);
    if (level >= LogLevel.Warn) this.messages.push(message);
  }
}

/** What typedoc's validation has to say of a project. */
function docstringFaults(application: Application, project: ProjectReflection): readonly string[] {
  const { logger } = application;
  const collector = new Collector();
  application.logger = collector;
  application.validate(project);
  application.logger = logger;
  return collector.messages;
}

/** Options of typedoc-plugin-markdown. */
const markdown = {
  outputFileStrategy: "modules",
  entryFileName: "index",
  hidePageHeader: true,
  hideBreadcrumbs: true,
  expandParameters: false,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  typeDeclarationFormat: "table",
  propertyMembersFormat: "table",
  tableColumnSettings: { hideSources: true, hideInherited: true, hideOverrides: true },
  useCodeBlocks: true,
  useHTMLAnchors: true,
  pageTitleTemplates: { module: "{name}" },
};

function sourceEntries({ path, manifest }: PublishedPackage): readonly Entry[] {
  return Object.entries(manifest.exports).flatMap(([entry, target]) => {
    const source = typeof target === "object" ? target["@omni/source"] : undefined;
    return source === undefined ? [] : [{ name: manifest.name + entry.slice(1), source: join(path, source) }];
  });
}

function moduleName(root: string, source: string): string {
  return relative(join(root, "packages"), source).replace(/(\/index)?\.ts$/, "");
}
