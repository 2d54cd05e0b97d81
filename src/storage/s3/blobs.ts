import { parseKey, parsePrefix } from "../key.js";
import { openSourceFile, receiveFile, writeChunks } from "../local-file.js";
import { type Blobs, maxInMemoryBytes, StorageFault } from "../ports.js";
import { readBody, readText } from "./answers.js";
import { conditionalPut, maxPutBytes } from "./conditional-put.js";
import { listKeys } from "./listing.js";
import { type Session, targetOf } from "./session.js";

export function s3Blobs(session: Session): Blobs {
  return {
    async get(key) {
      const outcome = await session.read({
        target: targetOf(parseKey(key)),
        method: "GET",
        answers: [404],
        receive: (answer) => {
          checkFits(key, Number(answer.headers["content-length"] ?? 0));
          return readBody(answer, maxInMemoryBytes);
        },
      });
      return outcome.ok ? outcome.value : undefined;
    },

    getToFile: (key, path) => {
      const target = targetOf(parseKey(key));
      return receiveFile(key, path, async (file) => {
        const outcome = await session.read({
          target,
          method: "GET",
          answers: [404],
          // A repeated read begins anew, over whatever the broken one has left.
          receive: (answer) => writeChunks(file, answer),
        });
        return outcome.ok;
      });
    },

    async stat(key) {
      const outcome = await session.read({
        target: targetOf(parseKey(key)),
        method: "HEAD",
        answers: [404],
        receive: async (answer) => {
          await readText(answer);
          return { sizeBytes: Number(answer.headers["content-length"]) };
        },
      });
      return outcome.ok ? outcome.value : undefined;
    },

    async create(key, bytes) {
      const body = { kind: "bytes", bytes } as const;
      return outcomeOf(await conditionalPut(session, parseKey(key), null, body));
    },

    async createFromFile(key, path) {
      const parsed = parseKey(key);
      const file = await openSourceFile(key, path);
      try {
        const { size: size_bytes } = await file.stat();
        if (size_bytes > maxPutBytes) {
          throw new StorageFault("denied", key, `${path} is larger than 5 GiB, the most S3 takes with a condition.`);
        }
        return outcomeOf(await conditionalPut(session, parsed, null, { kind: "file", file, size_bytes }));
      } finally {
        await file.close();
      }
    },

    list: (prefix) => listKeys(session, parsePrefix(prefix)),
  };
}

function outcomeOf(version: string | undefined): "created" | "exists" {
  return version === undefined ? "exists" : "created";
}

function checkFits(key: string, size_bytes: number): void {
  if (size_bytes > maxInMemoryBytes) {
    throw new StorageFault("denied", key, `${key} has ${size_bytes} bytes, too many to hold in memory: fetch it to a file.`);
  }
}
