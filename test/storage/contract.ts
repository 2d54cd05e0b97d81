import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import type { ObjectStore } from "../../src/storage/ports.js";
import { describeBareRepositoryContract } from "./bare-repository-contract.js";
import { describeBlobsContract } from "./blobs-contract.js";
import { describeKeysContract } from "./keys-contract.js";
import type { Place } from "./place.js";
import { describePointersContract } from "./pointers-contract.js";
import { describeViewsContract } from "./views-contract.js";

/** The contract of every backend. Each call of `open` opens the same store, which is empty at first. */
export function describeStoreContract(open: () => Promise<ObjectStore>): void {
  const opened: { store?: ObjectStore; folder?: string } = {};

  beforeAll(async () => {
    opened.folder = await mkdtemp(join(tmpdir(), "ogr-contract-"));
    opened.store = await open();
  });

  afterAll(async () => {
    await opened.store?.close();
    await rm(opened.folder ?? "", { recursive: true, force: true });
  });

  const place: Place = {
    open,
    get store() {
      return requirePresent(opened.store);
    },
    get folder() {
      return requirePresent(opened.folder);
    },
    createPrefix: (space = "artifacts") => `${space}/T.${randomUUID()}/`,
  };

  describeBlobsContract(place);
  describeKeysContract(place);
  describePointersContract(place);
  describeBareRepositoryContract(place);
  describeViewsContract(place);
}

function requirePresent<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error("a test started before the store was opened");
  }
  return value;
}
