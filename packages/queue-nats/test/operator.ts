import { createHash } from "node:crypto";
import { nkeys } from "nats";

type KeyPair = ReturnType<typeof nkeys.createAccount>;

const decoder = new TextDecoder();

/** What a server that trusts one operator is given, and what its users are. */
export interface OperatorSetup {
  /** Lines of the server's configuration. */
  readonly configuration: string;
  /** Content of a .creds file of a user of the one account, made anew. */
  readonly creds: () => string;
  /** The same of a user whose account the server does not know. */
  readonly foreignCreds: () => string;
}

/**
 * An operator, an account with JetStream and one of the system, with tokens as `nsc` would sign them:
 * https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt
 */
export function operatorSetup(): OperatorSetup {
  const operator = nkeys.createOperator();
  const system = nkeys.createAccount();
  const account = nkeys.createAccount();
  const operatorToken = sign(operator, operator.getPublicKey(), {
    type: "operator",
    system_account: system.getPublicKey(),
  });
  const accountToken = (pair: KeyPair, withJetStream: boolean): string => {
    const all = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
    const jetStream = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
    return sign(operator, pair.getPublicKey(), { type: "account", limits: { ...all, ...(withJetStream && jetStream) } });
  };
  const configuration = `operator: ${operatorToken}
resolver: MEMORY
resolver_preload: {
  ${system.getPublicKey()}: ${accountToken(system, false)}
  ${account.getPublicKey()}: ${accountToken(account, true)}
}`;
  return { configuration, creds: () => credsOf(account), foreignCreds: () => credsOf(nkeys.createAccount()) };
}

function credsOf(account: KeyPair): string {
  const user = nkeys.createUser();
  const token = sign(account, user.getPublicKey(), { type: "user", subs: -1, data: -1, payload: -1, pub: {}, sub: {} });
  const seed = decoder.decode(user.getSeed());
  return `-----BEGIN NATS USER JWT-----\n${token}\n------END NATS USER JWT------\n
-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
}

function sign(issuer: KeyPair, subject: string, claims: Readonly<Record<string, unknown>>): string {
  const body = { iss: issuer.getPublicKey(), sub: subject, iat: Math.floor(Date.now() / 1_000), nats: { ...claims, version: 2 } };
  const jti = createHash("sha256").update(JSON.stringify(body)).digest("hex");
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
  const signed = `${encode({ typ: "JWT", alg: "ed25519-nkey" })}.${encode({ jti, ...body })}`;
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString("base64url")}`;
}
