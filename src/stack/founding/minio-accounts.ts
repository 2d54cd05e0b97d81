import { createCipheriv, createHash, pbkdf2Sync, randomBytes } from "node:crypto";
import { signV4 } from "minio/dist/esm/signing.mjs";
import { z } from "zod";
import type { S3Server } from "../servers/object-store.js";

/** An access key that lives until somebody removes it, and what it may do (a policy in the grammar of IAM). */
export interface ServiceAccount {
  readonly access_key: string;
  /** 8 to 40 characters. */
  readonly secret_key: string;
  readonly policy: object;
}

const ADMIN = "/minio/admin/v3";
const TIMEOUT_MS = 30_000;
const answerSchema = z.object({ Code: z.string(), Message: z.string().default("") });

/**
 * Sees to it that MinIO has this service account of its root, with this secret and this policy: made when absent, else brought into
 * line. Only MinIO has this interface; on another S3 the operator makes the keys of both planes.
 *
 * @throws with the server's own words when it refuses.
 */
export async function ensureServiceAccount(root: S3Server, account: ServiceAccount): Promise<void> {
  const { access_key, secret_key, policy } = account;
  const info = await adminRequest(root, "GET", `/info-service-account?accessKey=${encodeURIComponent(access_key)}`);
  const refusal = info.ok
    ? await adminRequest(root, "POST", `/update-service-account?accessKey=${encodeURIComponent(access_key)}`, {
        newSecretKey: secret_key,
        newPolicy: policy,
        newStatus: "on",
      })
    : await adminRequest(root, "PUT", "/add-service-account", { accessKey: access_key, secretKey: secret_key, policy });
  if (refusal.ok) return;
  throw new Error(`MinIO at ${root.endpoint} does not take the service account ${access_key}: ${await wordsOf(refusal)}`);
}

async function wordsOf(answer: Response): Promise<string> {
  const text = await answer.text();
  try {
    const { Code, Message } = answerSchema.parse(JSON.parse(text));
    return `${Code} ${Message}`;
  } catch {
    return `status ${answer.status} ${text.slice(0, 300)}`;
  }
}

async function adminRequest(root: S3Server, method: "GET" | "PUT" | "POST", path: string, value?: object): Promise<Response> {
  const url = new URL(root.endpoint);
  const body = value === undefined ? Buffer.alloc(0) : encrypted(root.secret_key, Buffer.from(JSON.stringify(value)));
  const now = new Date();
  const sha256 = createHash("sha256").update(body).digest("hex");
  const headers = {
    host: url.host,
    "x-amz-date": now.toISOString().replace(/[-:]|\.\d{3}/g, ""),
    "x-amz-content-sha256": sha256,
  };
  const request = { method, path: ADMIN + path, headers, protocol: url.protocol };
  const authorization = signV4(request, root.access_key, root.secret_key, root.region, now, sha256);
  return fetch(new URL(ADMIN + path, url), {
    method,
    headers: { ...headers, authorization },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(value === undefined ? {} : { body }),
  });
}

const PBKDF2_AES_GCM = 2;
const ROUNDS = 8192;
const FRAGMENT_BYTES = 16 * 1024;
const LAST_FRAGMENT = 0x80;

/**
 * A body as MinIO's admin interface reads it: 32 bytes of salt, the algorithm, 8 bytes of nonce, and one sealed fragment. The
 * nonce of a fragment ends in its number, and number 0 is spent on the stream's own associated data, which every fragment carries.
 */
function encrypted(password: string, bytes: Buffer): Buffer {
  if (bytes.length > FRAGMENT_BYTES) throw new Error(`A request to MinIO's admin interface holds at most ${FRAGMENT_BYTES} bytes.`);
  const [salt, nonce] = [randomBytes(32), randomBytes(8)];
  const key = pbkdf2Sync(password, salt, ROUNDS, 32, "sha256");
  const seal = (number: number, plain: Buffer, associated: Buffer): Buffer => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32LE(number);
    const cipher = createCipheriv("aes-256-gcm", key, Buffer.concat([nonce, counter])).setAAD(associated);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  };
  const stream = seal(0, Buffer.alloc(0), Buffer.alloc(0));
  const sealed = seal(1, bytes, Buffer.concat([Buffer.from([LAST_FRAGMENT]), stream]));
  return Buffer.concat([salt, Buffer.from([PBKDF2_AES_GCM]), nonce, sealed]);
}
