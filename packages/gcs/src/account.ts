import type { Storage, StorageOptions } from "@google-cloud/storage";
import { GcsError } from "./errors.ts";
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
  const client = (): Promise<Storage> => (opened ??= openClient(settings));
  const headers = async (): Promise<Readonly<Record<string, string>>> => {
    if (settings.anonymous) return {};
    try {
      const { authClient } = await client();
      return Object.fromEntries(await authClient.getRequestHeaders());
    } catch (error) {
      throw authError(error, settings);
    }
  };
  return { client, headers };
}

async function openClient(settings: GcsSettings): Promise<Storage> {
  const { project, credentialsFile, credentials, endpoint } = settings;
  if (settings.client !== undefined) return settings.client;
  const sdk = await import("@google-cloud/storage");
  return new sdk.Storage({
    // Always given: the SDK would take STORAGE_EMULATOR_HOST from the environment unasked.
    apiEndpoint: endpoint,
    ...(project === undefined ? {} : { projectId: project }),
    ...(credentialsFile === undefined ? {} : { keyFilename: credentialsFile }),
    ...(credentials === undefined ? {} : { credentials: credentials as NonNullable<StorageOptions["credentials"]> }),
  });
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
export function authError(error: unknown, settings: Pick<GcsSettings, "credentialsFile">): Error {
  const failure = (typeof error === "object" && error !== null ? error : {}) as AuthFailure;
  const network = networkFailure(failure);
  if (network !== undefined) return network;
  const { error: word, error_description: words } = failure.response?.data ?? {};
  const status = failure.response?.status ?? failure.status;
  if (status !== undefined && (status >= 500 || status === 429))
    return new GcsError("the service that gives tokens is not available", { status });
  if (failure.code === "ENOENT" || failure.code === "EACCES")
    return new GcsError(`the key file ${JSON.stringify(settings.credentialsFile ?? "")} cannot be read (${failure.code})`, {
      reason: "auth",
    });
  const said =
    typeof word === "string" ? `no token was given: ${word}${typeof words === "string" ? ` (${words})` : ""}` : plainWords(failure);
  return new GcsError(said, { reason: "auth" });
}

function networkFailure(failure: AuthFailure): Error | undefined {
  for (const at of [failure, failure.cause, failure.errors?.[0]] as readonly (AuthFailure | undefined)[]) {
    const code = at?.code;
    if (typeof code !== "string" || !/^(E(CONN|NOTFOUND|AI_|HOST|NET|TIMEDOUT|PIPE))/.test(code)) continue;
    const { hostname, address, port } = at as AuthFailure;
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
