import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Key } from "../key.js";
import type { Space } from "../spaces.js";
import { isServerTrouble, type Refusal, readRefusal, refusalFault, wireFault } from "./answers.js";
import { bucketOf, checkConfig, type S3Config } from "./config.js";
import { type Operation, sign } from "./signing.js";
import { type Body, noBody, openWire } from "./wire.js";

/** Reads are safe to repeat, so a connection that broke or a busy server is not yet a fault. */
const readAttempts = 3;

/** A 409 says that another write was under way and this one was not carried out; so only a 409 is ever repeated. */
const conflictAttempts = 8;

const firstPause_ms = 20;

export interface Target {
  readonly key: string;
  readonly space: Space;
  /** Absent for operations on the bucket itself. */
  readonly name?: string;
}

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

/** Requests to one S3. Refusals whose status the caller names in `answers` come back as values, all others throw. */
export interface Session {
  read<T>(request: ReadRequest<T>): Promise<Outcome<T>>;
  write<T>(request: WriteRequest<T>): Promise<Outcome<T>>;
  describe(): string;
  close(): void;
}

export interface ReadRequest<T> {
  readonly target: Target;
  readonly method: "GET" | "HEAD";
  readonly query?: Readonly<Record<string, string>>;
  readonly answers: readonly number[];
  readonly receive: (answer: IncomingMessage) => Promise<T>;
}

export interface WriteRequest<T> {
  readonly target: Target;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
  readonly answers: readonly number[];
  readonly receive: (answer: IncomingMessage) => Promise<T>;
}

export function targetOf(key: Key): Target {
  return { key: key.full, space: key.space, name: key.rest };
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

const emptySha256 = sha256Hex(new Uint8Array(0));

export function openSession(config: S3Config): Session {
  const endpoint = checkConfig(config);
  const wire = openWire(endpoint, config.request_timeout_ms, config.ca);

  // Each attempt is signed anew, because a signature carries the time.
  function attempt<T>(operation: Operation, body: Body, receive: (answer: IncomingMessage) => Promise<T>): Promise<Outcome<T>> {
    return wire.exchange(sign(config, endpoint, operation), body, async (answer) =>
      answer.statusCode === 200 ? { ok: true, value: await receive(answer) } : { ok: false, refusal: await readRefusal(answer) },
    );
  }

  return {
    describe: () => `S3 at ${endpoint.origin}, region ${config.region}, buckets ${config.bucket_prefix ?? ""}<space>`,
    close: () => wire.close(),

    async read({ target, method, query, answers, receive }) {
      const bucket = bucketOf(config, target.space);
      const operation: Operation = {
        method,
        bucket,
        ...(target.name === undefined ? {} : { name: target.name }),
        ...(query === undefined ? {} : { query }),
        body: { sha256: emptySha256 },
      };
      for (let tried = 1; ; tried += 1) {
        const last = tried === readAttempts;
        try {
          const outcome = await attempt(operation, noBody, receive);
          if (outcome.ok || isKnown(outcome.refusal, target, answers)) {
            return outcome;
          }
          if (last || !isServerTrouble(outcome.refusal.status)) {
            throw refusalFault("read", target.key, bucket, outcome.refusal);
          }
        } catch (cause) {
          const fault = wireFault("read", target.key, endpoint.origin, cause);
          if (last || fault === cause) {
            throw fault;
          }
        }
        await pause(tried);
      }
    },

    async write({ target, headers, body, answers, receive }) {
      const bucket = bucketOf(config, target.space);
      const operation: Operation = {
        method: "PUT",
        bucket,
        ...(target.name === undefined ? {} : { name: target.name }),
        headers,
        body: body.kind === "bytes" ? { sha256: sha256Hex(body.bytes) } : { streamed_bytes: body.size_bytes },
      };
      for (let tried = 1; ; tried += 1) {
        const outcome = await attempt(operation, body, receive).catch((cause: unknown) => {
          throw wireFault("write", target.key, endpoint.origin, cause);
        });
        if (outcome.ok || isKnown(outcome.refusal, target, answers)) {
          return outcome;
        }
        if (outcome.refusal.status !== 409 || tried === conflictAttempts) {
          throw refusalFault("write", target.key, bucket, outcome.refusal);
        }
        await pause(tried);
      }
    },
  };
}

/** A missing bucket is a 404 like a missing object, but an answer only to whoever asked for the bucket. */
function isKnown(refusal: Refusal, target: Target, answers: readonly number[]): boolean {
  return answers.includes(refusal.status) && (target.name === undefined || refusal.code !== "NoSuchBucket");
}

/** Grows with each attempt, and is random so that rivals do not meet again. */
async function pause(tried: number): Promise<void> {
  await sleep(firstPause_ms * 2 ** (tried - 1) * (0.5 + Math.random()));
}
