// The site's table of contents. Packages and guides that nobody has put into a group come at the end of theirs, so that none is left out.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { DefaultTheme } from "vitepress";

import { root, sitePages } from "./pages.ts";

type Item = DefaultTheme.SidebarItem;

const packageGroups: readonly (readonly [heading: string, folders: readonly string[]])[] = [
  ["Stores", ["memory", "file", "s3", "gcs", "sftp", "channel"]],
  ["Queues", ["queue-memory", "queue-nats", "queue-kafka", "queue-composite"]],
  ["Over stores", ["multi", "cloud", "sync", "codec", "otel", "cli", "core"]],
];

const guideOrder = ["multi-writer", "sync", "multi-cloud", "dual-write", "channel-pipelines", "command-line", "configuration"];
const lastGuides = ["custom-backend", "testing", "coming-from"];
const providerOrder = ["aws", "r2", "minio", "ceph", "b2", "wasabi", "spaces", "tigris", "gcs-interop", "other"];

const start = ["start.md", "concepts.md", "semantics.md", "compare.md"];
const production = ["operations.md", "security-model.md", "performance.md", "benchmarks.md"];
const project = ["contributing.md", "security.md", "release.md", "design.md", "bench.md", "tools/servers.md"];

export function sidebar(): Item[] {
  const placed = new Set([...start, ...production, ...project, "index.md"]);
  const others = [...sitePages]
    .filter(([, page]) => !page.includes("/") && !placed.has(page))
    .map(([file, page]) => item(file, page));
  return [
    { text: "Start", items: named(start) },
    ...packages(),
    { text: "Providers", collapsed: true, items: folder("providers", providerOrder) },
    { text: "Guides", items: folder("guides", guideOrder, lastGuides) },
    { text: "In production", items: named(production) },
    { text: "Examples", collapsed: true, items: [...items("examples/")] },
    { text: "API", collapsed: true, items: [...items("api/")].toSorted((a, b) => order(a).localeCompare(order(b))) },
    { text: "The project", items: [...named(project), ...others] },
  ];
}

function packages(): Item[] {
  const placed = new Set(packageGroups.flatMap(([, folders]) => folders));
  const others = [...items("packages/")].filter(({ link }) => !placed.has(link?.slice("/packages/".length) ?? ""));
  return packageGroups.map(([text, folders], at) => ({
    text,
    items: [...named(folders.map((name) => `packages/${name}.md`)), ...(at === packageGroups.length - 1 ? others : [])],
  }));
}

function folder(name: string, first: readonly string[], last: readonly string[] = []): Item[] {
  const placed = [...first, ...last].map((page) => `/${name}/${page}`);
  const others = [...items(`${name}/`)].filter(({ link }) => !placed.includes(link ?? ""));
  return [...named(first.map((page) => `${name}/${page}.md`)), ...others, ...named(last.map((page) => `${name}/${page}.md`))];
}

function order({ text = "" }: Item): string {
  return text.replace("@omni/core", "@omni/"); // Core first.
}

function* items(prefix: string): Generator<Item> {
  for (const [file, page] of sitePages) if (page.startsWith(prefix) && !page.endsWith("index.md")) yield item(file, page);
}

/** The pages that are there. */
function named(pages: readonly string[]): Item[] {
  return pages.flatMap((wanted) => [...sitePages].filter(([, page]) => page === wanted).map(([file, page]) => item(file, page)));
}

function item(file: string, page: string): Item {
  const path = join(root, file);
  const heading = existsSync(path) ? /^# (.*)$/m.exec(readFileSync(path, "utf8"))?.[1] : undefined;
  return { text: (heading ?? page).replaceAll("`", "").replaceAll("\\", ""), link: `/${page.replace(/\.md$/, "")}` };
}
