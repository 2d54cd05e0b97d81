import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import type { ObjectStore } from "../../src/storage/ports.js";
import { bareRepositoryContract } from "./bare-repository-contract.js";
import { blobsContract } from "./blobs-contract.js";
import { keysContract } from "./keys-contract.js";
import type { Place } from "./place.js";
import { pointersContract } from "./pointers-contract.js";
import { viewsContract } from "./views-contract.js";

/** What every backend promises. `open` answers a store over one and the same place, empty at first, at each call. */
export function storeContract(open: () => Promise<ObjectStore>): void {
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
      return present(opened.store);
    },
    get folder() {
      return present(opened.folder);
    },
    under: (space = "artifacts") => `${space}/T.${randomUUID()}/`,
  };

  blobsContract(place);
  keysContract(place);
  pointersContract(place);
  bareRepositoryContract(place);
  viewsContract(place);
}

function present<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error("a test began before the store was opened");
  }
  return value;
}
