// Links are written for a reader of the repository, from file to file; here they become links of the site.
import { relative } from "node:path";

import type { MarkdownRenderer } from "vitepress";

import { linkTarget, root } from "./pages.ts";

/** What Markdown-it's tokens are, as far as it matters here. */
interface Token {
  type: string;
  content: string;
  hidden: boolean;
  children: Token[] | null;
  attrGet(name: string): string | null;
  attrSet(name: string, value: string): void;
}

/**
 * A Markdown-it plugin. Links to files that are no pages lead to the repository, or are plain words while nobody has said where it is.
 *
 * @param repository address of the repository, when it is known
 * @throws Error for a link to what is not there
 */
export function repositoryLinks(md: MarkdownRenderer, repository: string | undefined): void {
  md.core.ruler.push("repository-links", (state) => {
    const { path, realPath = path } = state.env as { path?: string; realPath?: string };
    if (realPath === undefined) return; // A title, not a page.
    const from = relative(root, realPath);
    for (const token of state.tokens as Token[])
      if (token.children) token.children = withSiteLinks(token.children, from, repository);
  });
}

function withSiteLinks(tokens: readonly Token[], from: string, repository: string | undefined): Token[] {
  let plain = false; // Between the ends of a link that becomes words.
  return tokens.filter((token) => {
    if (token.type === "link_close" && plain) {
      plain = false;
      return false;
    }
    if (token.type !== "link_open") return true;
    const address = siteAddress(token.attrGet("href") ?? "", from, repository);
    plain = address === undefined;
    if (address !== undefined) token.attrSet("href", address);
    return !plain;
  });
}

/** Undefined: there is no address. */
function siteAddress(href: string, from: string, repository: string | undefined): string | undefined {
  if (/^([a-z][a-z0-9+.-]*:|#|\/)/i.test(href)) return href;
  const [path = "", anchor] = href.split("#", 2);
  const target = linkTarget(from, decodeURI(path));
  if (target === undefined) throw new Error(`${from}: the link ${href} leads nowhere`);
  if ("page" in target) return anchor === undefined ? target.page : `${target.page}#${anchor}`;
  return repository === undefined ? undefined : `${repository}/blob/main/${target.file}`;
}
