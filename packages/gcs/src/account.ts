import { readFile } from "node:fs/promises";
import type { Storage } from "@google-cloud/storage";
import { GcsError } from "./errors.ts";
import type { GcsCredentials } from "./options.ts";
import type { GcsSettings } from "./settings.ts";

/** Who speaks to the store: the SDK's client, made at first use, with its credentials and its tokens. */
export interface Account {
  /** The SDK's client; loads the SDK when that has not happened yet. */
  client(): Promise<Storage>;
  /** Headers that say who asks. The SDK keeps a token until shortly before it expires. */
  headers(): Promise<Readonly<Record<string, string>>>;
}

/** Credentials through `@google-cloud/storage`. An anonymous account loads the SDK only for signing. */
export function account(settings: GcsSettings): Account {
  let opened: Promise<Storage> | undefined;
  const client = (): Promise<Storage> => {
    opened ??= openClient(settings).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const headers = async (): Promise<Readonly<Record<string, string>>> => {
    if (settings.anonymous) return {};
    try {
      const { authClient } = await client();
      return Object.fromEntries(await authClient.getRequestHeaders());
    } catch (error) {
      throw authError(error);
    }
  };
  return { client, headers };
}

async function openClient(settings: GcsSettings): Promise<Storage> {
  const { project, endpoint } = settings;
  if (settings.client !== undefined) return settings.client;
  const credentials = settings.credentials ?? (await credentialsIn(settings.credentialsFile));
  const sdk = await import("@google-cloud/storage");
  const client = new sdk.Storage({
    // Always given: the SDK would take STORAGE_EMULATOR_HOST from the environment unasked.
    apiEndpoint: endpoint,
    ...(project === undefined ? {} : { projectId: project }),
  });
  // Not by the constructor's options, which warn on the console about key files that come from strangers.
  if (credentials !== undefined) client.authClient.jsonContent = credentials as AuthContent;
  return client;
}

type AuthContent = Storage["authClient"]["jsonContent"];

async function credentialsIn(file: string | undefined): Promise<GcsCredentials | undefined> {
  if (file === undefined) return undefined;
  const name = JSON.stringify(file);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new GcsError(`the key file ${name} cannot be read (${code})`, { reason: "auth" });
  }
  try {
    const content: unknown = JSON.parse(text);
    if (typeof content === "object" && content !== null) return content as GcsCredentials;
  } catch (error) {
    // Its message would quote the file.
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new GcsError(`the key file ${name} is no JSON key file of Google Cloud`, { reason: "auth" });
}

interface AuthFailure {
  readonly message?: string;
  readonly code?: unknown;
  readonly status?: number;
  readonly hostname?: string;
  readonly address?: string;
  readonly port?: number;
  readonly errors?: readonly unknown[];
  readonly cause?: unknown;
  readonly config?: { readonly url?: unknown };
  readonly response?: {
    readonly status?: number;
    readonly data?: { readonly error?: unknown; readonly error_description?: unknown };
  };
}

/**
 * The SDK's errors carry the request for a token, with the signed assertion in it: only words and codes are taken over.
 */
export function authError(error: unknown): Error {
  if (error instanceof GcsError) return error;
  const failure = (typeof error === "object" && error !== null ? error : {}) as AuthFailure;
  const network = networkFailure(failure);
  if (network !== undefined) return network;
  const { error: word, error_description: words } = failure.response?.data ?? {};
  const status = failure.response?.status ?? failure.status;
  if (status !== undefined && (status >= 500 || status === 429))
    return new GcsError("the service that gives tokens is not available", { status });
  const said =
    typeof word === "string" ? `no token was given: ${word}${typeof words === "string" ? ` (${words})` : ""}` : plainWords(failure);
  return new GcsError(said, { reason: "auth" });
}

function networkFailure(failure: AuthFailure): Error | undefined {
  for (const at of [failure, failure.cause, failure.errors?.[0]] as readonly (AuthFailure | undefined)[]) {
    const code = at?.code;
    if (typeof code !== "string" || !/^(E(CONN|NOTFOUND|AI_|HOST|NET|TIMEDOUT|PIPE))/.test(code)) continue;
    const { address, port, message = "" } = at as AuthFailure;
    const hostname = (at as AuthFailure).hostname ?? /(?:ENOTFOUND|EAI_AGAIN) ([\w.-]+)/.exec(message)?.[1];
    return Object.assign(new Error("the service that gives tokens cannot be reached"), {
      code,
      ...(hostname === undefined ? {} : { hostname }),
      ...(address === undefined ? {} : { address }),
      ...(port === undefined ? {} : { port }),
    });
  }
  return undefined;
}

// A message may quote what it could not parse, which may be a key.
function plainWords({ message = "" }: AuthFailure): string {
  if (/default credentials/i.test(message)) return "no credentials were found";
  if (/PEM|DECODER|asn1|private key|client_email|JSON|unsupported/i.test(message))
    return "the credentials are no key of Google Cloud";
  return /^[\w .,:'"()/-]{1,160}$/.test(message) ? message.replace(/[.: ]+$/, "") : "no token could be had";
}
