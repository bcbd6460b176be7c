import { OmniError } from "@omni/core";

/**
 * The regular expression of a pattern in rclone's language (https://rclone.org/filtering/#patterns): `*` and `?` stay within a path segment, `**`
 * does not, `[...]` is a class, `{a,b}` an alternative, `{{...}}` a regular expression, `\` takes the next character literally. A leading `/` anchors at
 * the root; without it the pattern matches at the end of a path, from the start of a segment.
 *
 * @throws OmniError INVALID_ARGUMENT for a pattern that cannot be read
 */
export function globToRegExp(glob: string, ignoreCase = false): RegExp {
  const anchored = glob.startsWith("/");
  const source = `${anchored ? "^" : "(?:^|/)"}${new Translation(anchored ? glob.slice(1) : glob, glob).source()}$`;
  try {
    return new RegExp(source, ignoreCase ? "iu" : "u");
  } catch (cause) {
    throw badPattern(glob, cause instanceof Error ? cause.message : "it is no regular expression", cause);
  }
}

function badPattern(glob: string, why: string, cause?: unknown): OmniError {
  return new OmniError("INVALID_ARGUMENT", { reason: `the filter pattern ${JSON.stringify(glob)} cannot be read: ${why}`, cause });
}

// What a backslash in Go's syntax makes a class of, in JavaScript's too.
const CLASS_ESCAPES = new Set("dDwWsS");
const SYNTAX = /[\\^$.*+?()[\]{}|/-]/;

const POSIX: Readonly<Record<string, string>> = {
  alnum: "0-9A-Za-z",
  alpha: "A-Za-z",
  blank: "\\t ",
  digit: "0-9",
  lower: "a-z",
  punct: "!-\\/:-@\\[-`\\{-~",
  space: "\\t\\n\\v\\f\\r ",
  upper: "A-Z",
  word: "0-9A-Za-z_",
  xdigit: "0-9A-Fa-f",
};

class Translation {
  readonly #glob: string;
  readonly #characters: readonly string[];
  #at = 0;
  #out = "";
  #inBraces = false;

  constructor(body: string, glob: string) {
    this.#glob = glob;
    this.#characters = Array.from(body);
  }

  source(): string {
    for (let c = this.#next(); c !== undefined; c = this.#next()) this.#out += this.#translate(c);
    if (this.#inBraces) throw badPattern(this.#glob, 'a "{" has no "}"');
    return this.#out;
  }

  #next(): string | undefined {
    return this.#characters[this.#at++];
  }

  #translate(c: string): string {
    switch (c) {
      case "*":
        return this.#stars();
      case "?":
        return "[^/]";
      case "\\":
        return this.#escaped();
      case "[":
        return this.#characterClass();
      case "]":
        throw badPattern(this.#glob, 'a "]" has no "["');
      case "{":
        return this.#characters[this.#at] === "{" ? this.#regExp() : this.#open();
      case "}":
        if (!this.#inBraces) throw badPattern(this.#glob, 'a "}" has no "{"');
        this.#inBraces = false;
        return ")";
      case ",":
        return this.#inBraces ? "|" : ",";
      default:
        return literal(c);
    }
  }

  #stars(): string {
    let count = 1;
    while (this.#characters[this.#at] === "*") {
      this.#at++;
      count++;
    }
    if (count > 2) throw badPattern(this.#glob, 'there are more than two "*" in a row');
    return count === 1 ? "[^/]*" : ".*";
  }

  #escaped(): string {
    const c = this.#next();
    if (c === undefined) throw badPattern(this.#glob, "it ends in a backslash");
    return CLASS_ESCAPES.has(c) ? `\\${c}` : literal(c);
  }

  #open(): string {
    if (this.#inBraces) throw badPattern(this.#glob, '"{" within "{"; braces cannot be nested');
    this.#inBraces = true;
    return "(?:";
  }

  #regExp(): string {
    const body = this.#characters.slice(this.#at + 1).join("");
    const end = body.indexOf("}}");
    if (end < 0) throw badPattern(this.#glob, 'a "{{" has no "}}"');
    this.#at += 1 + Array.from(body.slice(0, end)).length + 2;
    return `(?:${body.slice(0, end)})`;
  }

  #characterClass(): string {
    let out = "[";
    if (this.#characters[this.#at] === "^") {
      this.#at++;
      out += "^";
    }
    for (let c = this.#next(); c !== undefined; c = this.#next()) {
      if (c === "]") return `${out}]`;
      if (c === "\\") {
        const escaped = this.#next() ?? "";
        out += CLASS_ESCAPES.has(escaped) ? `\\${escaped}` : literalInClass(escaped);
      } else if (c === "[" && this.#characters[this.#at] === ":") out += this.#posix();
      else out += c === "-" ? "-" : literalInClass(c);
    }
    throw badPattern(this.#glob, 'a "[" has no "]"');
  }

  #posix(): string {
    const rest = this.#characters.slice(this.#at, this.#at + 10).join("");
    const name = /^:([a-z]+):\]/.exec(rest)?.[1];
    const members = name === undefined ? undefined : POSIX[name];
    if (name === undefined || members === undefined) throw badPattern(this.#glob, "a class such as [:alpha:] has a name");
    this.#at += name.length + 3;
    return members;
  }
}

function literal(c: string): string {
  return SYNTAX.test(c) && c !== "-" ? `\\${c}` : c;
}

function literalInClass(c: string): string {
  return SYNTAX.test(c) ? `\\${c}` : c;
}

// Alternatives that span segments: which directories they need cannot be told.
const TOO_HARD = /\{[^{}]*(?:\/|\*\*)[^{}]*\}|\{\{/;

/** The directory patterns in which a file that matches `glob` may be: `/a/*.jpg` needs `/a/` and the root. */
export function directoriesOf(glob: string): readonly string[] {
  if (TOO_HARD.test(glob)) return ["/**"];
  const found: string[] = [];
  for (let rest = glob.replaceAll(/\/{2,}/g, "/"); ; ) {
    const slash = rest.lastIndexOf("/");
    const stars = rest.lastIndexOf("**");
    const at = Math.max(slash, stars);
    // A pattern without a slash may match anywhere. One with, but not anchored, is only looked for where its directories are reached: as rclone does.
    if (at < 0) return found.length === 0 ? ["/**"] : found;
    rest = rest.slice(0, at);
    const directory = `${rest}${stars > slash ? "**" : ""}/`;
    if (found.at(-1) !== directory) found.push(directory);
  }
}
