import { createCipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { createS3Client, type S3Server } from "../servers/object-store.js";

/** An access key that does not expire, and what it may do (a policy in the grammar of IAM). */
export interface ServiceAccount {
  readonly access_key: string;
  /** 8 to 40 characters. */
  readonly secret_key: string;
  readonly policy: object;
}

const timeoutMs = 30_000;
const answerSchema = z.object({ Code: z.string(), Message: z.string().default("") });

/**
 * Creates this service account of MinIO's root, or updates its secret and policy. Only MinIO has this interface; on another S3
 * the operator creates the keys of both planes.
 *
 * @throws with the server's own words when it refuses.
 */
export async function ensureServiceAccount(root: S3Server, account: ServiceAccount): Promise<void> {
  const { access_key, secret_key, policy } = account;
  const query = `accessKey=${encodeURIComponent(access_key)}`;
  const info = await sendAdminRequest(root, "GET", "info-service-account", query);
  const answer =
    info.status === 200
      ? await sendAdminRequest(root, "POST", "update-service-account", query, {
          newSecretKey: secret_key,
          newPolicy: policy,
          newStatus: "on",
        })
      : await sendAdminRequest(root, "PUT", "add-service-account", "", { accessKey: access_key, secretKey: secret_key, policy });
  if (answer.status >= 200 && answer.status < 300) return;
  throw new Error(`MinIO at ${root.endpoint} refuses the service account ${access_key}: ${toReason(answer)}`);
}

interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

function toReason({ status, body }: AdminAnswer): string {
  try {
    const { Code, Message } = answerSchema.parse(JSON.parse(body));
    return `${Code} ${Message}`;
  } catch {
    return `status ${status} ${body.slice(0, 300)}`;
  }
}

/** Every status that the admin interface answers with. The client hides the body of any other. */
const statuses = [200, 204, 400, 401, 403, 404, 409, 412, 501];

async function sendAdminRequest(root: S3Server, method: string, name: string, query: string, value?: object): Promise<AdminAnswer> {
  const body = value === undefined ? "" : encryptBody(root.secret_key, Buffer.from(JSON.stringify(value)));
  // The path of the admin interface has the form of an object's, so that the client can sign it.
  const request = { method, bucketName: "minio", objectName: `admin/v3/${name}`, query };
  const exchange = createS3Client(root)
    .makeRequestAsync(request, body, statuses)
    .then(async (answer) => ({ status: answer.statusCode ?? 0, body: await text(answer) }));
  const limit = sleep(timeoutMs, undefined, { ref: false }).then(() => {
    throw new Error(`MinIO at ${root.endpoint} did not answer within ${timeoutMs} ms`);
  });
  return Promise.race([exchange, limit]);
}

const pbkdf2AesGcm = 2;
const rounds = 8192;
const maxFragmentBytes = 16 * 1024;
const lastFragment = 0x80;

/**
 * A body as MinIO's admin interface reads it: 32 bytes of salt, the algorithm, 8 bytes of nonce, and one sealed fragment. The
 * nonce of a fragment ends in its number. Number 0 belongs to the associated data of the stream, which every fragment carries.
 */
function encryptBody(password: string, bytes: Buffer): Buffer {
  if (bytes.length > maxFragmentBytes) throw new Error(`A request to MinIO's admin interface holds at most ${maxFragmentBytes} bytes.`);
  const [salt, nonce] = [randomBytes(32), randomBytes(8)];
  const key = pbkdf2Sync(password, salt, rounds, 32, "sha256");
  const seal = (number: number, plain: Buffer, associated: Buffer): Buffer => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32LE(number);
    const cipher = createCipheriv("aes-256-gcm", key, Buffer.concat([nonce, counter])).setAAD(associated);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  };
  const stream = seal(0, Buffer.alloc(0), Buffer.alloc(0));
  const sealed = seal(1, bytes, Buffer.concat([Buffer.from([lastFragment]), stream]));
  return Buffer.concat([salt, Buffer.from([pbkdf2AesGcm]), nonce, sealed]);
}
