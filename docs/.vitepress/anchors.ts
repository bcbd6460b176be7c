// Looks in the built site whether every link to a heading finds it. (VitePress itself looks at pages only.)
import { globSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, posix } from "node:path";

/** @returns how many links have been followed, and those that lead to nothing, as `page: link` */
export async function deadAnchors(dist: string): Promise<{ readonly checked: number; readonly dead: readonly string[] }> {
  const pages = new Map<string, string>();
  for (const name of globSync("**/*.html", { cwd: dist }).sort()) pages.set(name, await readFile(join(dist, name), "utf8"));
  const ids = new Map([...pages].map(([name, html]) => [name, new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id))]));
  let checked = 0;
  const dead: string[] = [];
  for (const [name, html] of pages) {
    for (const [, href = ""] of html.matchAll(/<a\s[^>]*href="([^"]*#[^"]+)"/g)) {
      if (/^[a-z]+:/i.test(href)) continue;
      const [path = "", anchor = ""] = href.split("#");
      checked += 1;
      if (!ids.get(pageOf(name, path))?.has(decodeURIComponent(anchor))) dead.push(`${name}: ${href}`);
    }
  }
  return { checked, dead: [...new Set(dead)] };
}

function pageOf(from: string, path: string): string {
  if (path === "") return from;
  const page = path.startsWith("/") ? path.slice(1) : posix.join(posix.dirname(from), path);
  if (page === "" || page.endsWith("/")) return `${page}index.html`;
  return page.endsWith(".html") ? page : `${page}.html`;
}
