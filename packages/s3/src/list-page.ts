import type { CommonPrefix, ListObjectsV2Output, _Object as S3Object } from "@aws-sdk/client-s3";

/** What the driver reads of a page: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
export type ListPage = Pick<
  ListObjectsV2Output,
  "Contents" | "CommonPrefixes" | "EncodingType" | "IsTruncated" | "NextContinuationToken"
>;

/**
 * A page of a listing, read in one pass. It knows what stores write: elements with text, entities, no markup of other kinds; what it does not take, a
 * whole parser of XML may.
 *
 * @returns `undefined` for what is not such a page, or not the whole of one
 */
export function listPage(bytes: Buffer): ListPage | undefined {
  try {
    return new PageReader(bytes).page();
  } catch (error) {
    if (error === STRANGE) return undefined;
    throw error;
  }
}

/** Thrown within this file only. */
const STRANGE = new Error("not a plain page of a listing");

const ROOT = /^\s*(?:<\?xml [^>]*\?>\s*)?<ListBucketResult(?: [^<>]*[^/<>])?>/;
// "#34" is how some stores write what others write as "quot".
const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&", "#34": '"' };

/** A place in a page, going forward. */
class PageReader {
  readonly #bytes: Buffer;
  /** One character per byte: markup is found in it, texts are taken from the bytes, so that none of them keeps the whole page. */
  readonly #text: string;
  #at = 0;
  // Of the element that was entered last.
  #name = "";
  #isEmpty = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#text = bytes.toString("latin1");
  }

  page(): ListPage {
    const root = ROOT.exec(this.#text);
    if (root === null) throw STRANGE;
    this.#at = root[0].length;
    const contents: S3Object[] = [];
    const groups: CommonPrefix[] = [];
    const page: ListPage = { Contents: contents, CommonPrefixes: groups };
    while (this.#enter("ListBucketResult")) {
      if (this.#name === "Contents") contents.push(this.#object());
      else if (this.#name === "CommonPrefixes") groups.push(this.#group());
      else if (this.#name === "IsTruncated") page.IsTruncated = this.#flag();
      else if (this.#name === "NextContinuationToken") page.NextContinuationToken = this.#value();
      else if (this.#name === "EncodingType") page.EncodingType = this.#value() as "url";
      else this.#skip();
    }
    if (this.#text.slice(this.#at).trim() !== "") throw STRANGE;
    return page;
  }

  #object(): S3Object {
    const object: S3Object = { Key: undefined, Size: undefined, LastModified: undefined, ETag: undefined };
    while (this.#enter("Contents")) {
      if (this.#name === "Key") object.Key = this.#value();
      else if (this.#name === "Size") object.Size = this.#number();
      else if (this.#name === "LastModified") object.LastModified = this.#date();
      else if (this.#name === "ETag") object.ETag = this.#value();
      else this.#skip();
    }
    return object;
  }

  #group(): CommonPrefix {
    const group: CommonPrefix = { Prefix: undefined };
    while (this.#enter("CommonPrefixes")) {
      if (this.#name === "Prefix") group.Prefix = this.#value();
      else this.#skip();
    }
    return group;
  }

  /** Goes into the next element. @returns false where its parent ends instead */
  #enter(parent: string): boolean {
    const text = this.#text;
    const open = text.indexOf("<", this.#at);
    const close = text.indexOf(">", open);
    if (open < 0 || close < 0 || (open > this.#at && text.slice(this.#at, open).trim() !== "")) throw STRANGE;
    this.#at = close + 1;
    if (text.charCodeAt(open + 1) === 0x2f) {
      if (close !== open + 2 + parent.length || !text.startsWith(parent, open + 2)) throw STRANGE;
      return false;
    }
    this.#isEmpty = text.charCodeAt(close - 1) === 0x2f;
    this.#name = text.slice(open + 1, this.#isEmpty ? close - 1 : close);
    return true;
  }

  /** Goes to the end of the element that was entered, whatever is in it. */
  #skip(): void {
    // Attributes, other namespaces, comments and the like.
    if (!/^\w+$/.test(this.#name)) throw STRANGE;
    if (this.#isEmpty) return;
    const end = `</${this.#name}>`;
    const at = this.#text.indexOf(end, this.#at);
    if (at < 0) throw STRANGE;
    this.#at = at + end.length;
  }

  /** Goes to the end of the element that was entered, which holds text alone. @returns where the text ends */
  #leave(): number {
    const end = this.#text.indexOf("<", this.#at);
    if (end < 0 || !this.#text.startsWith(`/${this.#name}>`, end + 1)) throw STRANGE;
    this.#at = end + this.#name.length + 3;
    return end;
  }

  #value(): string {
    if (this.#isEmpty) return "";
    const from = this.#at;
    const value = this.#bytes.toString("utf8", from, this.#leave());
    return value.includes("&") ? withoutEntities(value) : value;
  }

  /** A text that is read at once and not kept. */
  #passing(): string {
    const from = this.#at;
    return this.#isEmpty ? "" : this.#text.slice(from, this.#leave());
  }

  #number(): number {
    const text = this.#passing();
    if (!/^\d+$/.test(text)) throw STRANGE;
    return Number(text);
  }

  #flag(): boolean {
    const text = this.#passing();
    if (text !== "true" && text !== "false") throw STRANGE;
    return text === "true";
  }

  #date(): Date {
    const text = this.#passing();
    const date = new Date(text);
    // With its zone, or it would be read as a time of this machine's.
    if (Number.isNaN(date.getTime()) || !(text.endsWith("Z") || /[+-]\d\d:\d\d$/.test(text))) throw STRANGE;
    return date;
  }
}

function withoutEntities(text: string): string {
  let plain = "";
  let at = 0;
  for (let start = text.indexOf("&"); start >= 0; start = text.indexOf("&", at)) {
    const end = text.indexOf(";", start);
    const name = text.slice(start + 1, end);
    const value = end < 0 ? undefined : (ENTITIES[name] ?? fromCodePoint(name));
    if (value === undefined) throw STRANGE;
    plain += text.slice(at, start) + value;
    at = end + 1;
  }
  return plain + text.slice(at);
}

function fromCodePoint(name: string): string | undefined {
  const [, hex, decimal] = /^#(?:x([\da-f]{1,6})|(\d{1,7}))$/i.exec(name) ?? [];
  const code = hex === undefined ? Number(decimal ?? Number.NaN) : Number.parseInt(hex, 16);
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}
