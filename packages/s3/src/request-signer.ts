import { nodeCrypto } from "./builtins.ts";

/** What requests are signed with. */
export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** The parts of a request that are signed. */
export interface Signable {
  readonly method: string;
  /** Encoded. */
  readonly path: string;
  /** Encoded and in the order of its names. @default none */
  readonly query?: string | undefined;
  /** With `host` and `x-amz-content-sha256`; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

// Proxies may change it on the way: the SDK leaves it out of the signature too.
const UNSIGNED = "cache-control";

/**
 * Signs requests about objects in their headers: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. The SDK's signer says the
 * same (the tests compare the two) and derives the key of the day's check anew for each request.
 */
export class RequestSigner {
  readonly #region: string;
  readonly #keys: () => Promise<Keys>;
  #derived: { readonly secret: string; readonly day: string; readonly key: Buffer } | undefined;
  #second = Number.NaN;
  #time = "";

  /** @param keys asked for each request: it knows when to renew them */
  constructor(region: string, keys: () => Promise<Keys>) {
    this.#region = region;
    this.#keys = keys;
  }

  /** @returns all headers of the request @throws what getting the keys throws */
  async sign({ method, path, query = "", headers }: Signable, now: number): Promise<Record<string, string>> {
    const { accessKeyId, secretAccessKey, sessionToken } = await this.#keys();
    const time = this.#timeOf(now);
    const day = time.slice(0, 8);
    const all: Record<string, string> = { ...headers, "x-amz-date": time };
    if (sessionToken !== undefined && sessionToken !== "") all["x-amz-security-token"] = sessionToken;
    const names = Object.keys(all)
      .filter((name) => name !== UNSIGNED)
      .sort();
    let canonical = "";
    for (const name of names) canonical += `${name}:${oneLine(all[name] as string)}\n`;
    const signed = names.join(";");
    const request = `${method}\n${path}\n${query}\n${canonical}\n${signed}\n${all["x-amz-content-sha256"]}`;
    const scope = `${day}/${this.#region}/s3/aws4_request`;
    const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${nodeCrypto().hash("sha256", request)}`;
    const signature = nodeCrypto().createHmac("sha256", this.#keyOf(secretAccessKey, day)).update(toSign).digest("hex");
    all.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
    return all;
  }

  // A key is good for a day.
  #keyOf(secret: string, day: string): Buffer {
    if (this.#derived?.secret !== secret || this.#derived.day !== day) {
      let key: string | Buffer = `AWS4${secret}`;
      for (const part of [day, this.#region, "s3", "aws4_request"])
        key = nodeCrypto().createHmac("sha256", key).update(part).digest();
      this.#derived = { secret, day, key: key as Buffer };
    }
    return this.#derived.key;
  }

  /** `20260131T235959Z` */
  #timeOf(now: number): string {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#time = `${new Date(second * 1000).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
    }
    return this.#time;
  }
}

function oneLine(value: string): string {
  return value
    .replace(/[\r\n]/g, " ")
    .replace(/[ \t]+/g, " ")
    .replace(/^ | $/g, "");
}
