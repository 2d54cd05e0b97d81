import type { Key } from "../key.js";
import { StorageFault } from "../ports.js";
import { readText } from "./answers.js";
import { type Session, targetOf } from "./session.js";
import type { Body } from "./wire.js";

/** The largest object of a single PUT (S3). Above it an upload has many requests, and none carries the condition safely. */
export const maxPutBytes = 5 * 1024 ** 3;

/** The version this key must still have, or `null` if it must be free. */
export type Expected = string | null;

/** One conditional PUT, sent once: the new version, or `undefined` when the condition did not hold. */
export async function conditionalPut(session: Session, key: Key, expected: Expected, body: Body): Promise<string | undefined> {
  const condition = expected === null ? { "if-none-match": "*" } : { "if-match": `"${expected}"` };
  const outcome = await session.write({
    target: targetOf(key),
    headers: { ...condition, "content-type": "application/octet-stream" },
    body,
    // 412 is the lost condition. A version expected of a key that does not exist is a 404, and as lost.
    answers: expected === null ? [412] : [412, 404],
    receive: async (answer) => {
      await readText(answer);
      return versionOf(key.full, answer.headers.etag);
    },
  });
  return outcome.ok ? outcome.value : undefined;
}

/** The ETag without its quotes. */
export function versionOf(key: string, etag: string | undefined): string {
  if (etag === undefined) {
    throw new StorageFault("misconfigured", key, `The object store sent no ETag for ${key}: it cannot be used here.`);
  }
  return etag.replaceAll('"', "");
}
