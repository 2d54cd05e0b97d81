import { parseKey } from "../key.js";
import { maxInMemoryBytes, type Pointers } from "../ports.js";
import { readBody } from "./answers.js";
import { conditionalPut, versionOf } from "./conditional-put.js";
import { type Session, targetOf } from "./session.js";

export function s3Pointers(session: Session): Pointers {
  return {
    async read(key) {
      const outcome = await session.read({
        target: targetOf(parseKey(key)),
        method: "GET",
        answers: [404],
        receive: async (answer) => ({
          bytes: await readBody(answer, maxInMemoryBytes),
          version: versionOf(key, answer.headers.etag),
        }),
      });
      return outcome.ok ? outcome.value : undefined;
    },

    async swap(key, expected, bytes) {
      const body = { kind: "bytes", bytes } as const;
      const version = await conditionalPut(session, parseKey(key), expected, body);
      return version === undefined ? { won: false } : { won: true, version };
    },
  };
}
