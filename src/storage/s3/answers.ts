import type { IncomingMessage } from "node:http";
import { StorageFault } from "../ports.js";
import { WireFault } from "./wire.js";

/** An error answer of S3: the status and, from its XML body or MinIO's header, the code. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** Error bodies and listings are small; whatever is longer is not S3. */
const maxTextBytes = 8 * 1024 * 1024;

/** The whole body. Throws when it is longer than `limit_bytes`, or ends before its announced length. */
export async function readBody(answer: IncomingMessage, limit_bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size_bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size_bytes += chunk.byteLength;
    if (size_bytes > limit_bytes) {
      throw new Error(`the answer is longer than ${limit_bytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export async function readText(answer: IncomingMessage): Promise<string> {
  return (await readBody(answer, maxTextBytes)).toString();
}

export async function readRefusal(answer: IncomingMessage): Promise<Refusal> {
  const text = await readText(answer);
  const header = answer.headers["x-minio-error-code"];
  return {
    status: answer.statusCode ?? 0,
    code: xmlText(text, "Code") ?? (typeof header === "string" ? header.replaceAll('"', "") : ""),
    message: xmlText(text, "Message") ?? "",
  };
}

/** The text of the first element of that name. Enough for S3, whose answers are flat where we read them. */
export function xmlText(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return found === undefined ? undefined : unescapeXml(found);
}

export function unescapeXml(text: string): string {
  const named: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    const code = hex === undefined ? decimal : `0x${hex}`;
    return code === undefined ? (named[name ?? ""] ?? whole) : String.fromCodePoint(Number(code));
  });
}

export type Intent = "read" | "write";

/** A server that is busy or broken. It may still have carried out the write that it did not answer properly. */
export function isServerTrouble(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

/** The fault for an answer that is neither success nor one of the answers that the operation knows. */
export function refusalFault(intent: Intent, key: string, bucket: string, refusal: Refusal): StorageFault {
  const said = `the object store answered ${refusal.status} ${refusal.code} ${refusal.message}`.trim();
  if (isServerTrouble(refusal.status)) {
    return intent === "write"
      ? new StorageFault("outcome_unknown", key, `Whether ${key} was written is unknown (${said}): read it back.`)
      : new StorageFault("unavailable", key, `${key} cannot be read now (${said}): try again when the store is well.`);
  }
  if (refusal.status === 409) {
    return new StorageFault("unavailable", key, `${key} was not written, too many others write it (${said}): try again.`);
  }
  if (refusal.code === "NoSuchBucket") {
    return new StorageFault("misconfigured", key, `The bucket ${bucket} does not exist: create the spaces first.`);
  }
  if (refusal.status === 401 || refusal.status === 403) {
    return new StorageFault(
      "denied",
      key,
      `The object store refuses the ${intent} of ${key} (${said}): check the credentials and what their policy allows.`,
    );
  }
  return new StorageFault(
    "misconfigured",
    key,
    `The object store does not accept the ${intent} of ${key} (${said}): check endpoint, region and clock.`,
  );
}

/** The fault for a request without a complete answer. A fault that already is one of storage passes unchanged. */
export function wireFault(intent: Intent, key: string, endpoint: string, cause: unknown): StorageFault {
  if (cause instanceof StorageFault) {
    return cause;
  }
  const why = cause instanceof Error ? cause.message : String(cause);
  if (intent === "write" && !(cause instanceof WireFault && !cause.sent)) {
    return new StorageFault("outcome_unknown", key, `Whether ${key} was written is unknown (${why}): read it back.`, cause);
  }
  return new StorageFault(
    "unavailable",
    key,
    `The object store at ${endpoint} does not answer (${why}): check that it runs and is reachable from here.`,
    cause,
  );
}
