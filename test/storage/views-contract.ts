import { join } from "node:path";
import { expect, it } from "vitest";
import { StorageFault } from "../../src/storage/ports.js";
import { probeConditionalWrites } from "../../src/storage/probe.js";
import { limitToCreates, scopeToTenant } from "../../src/storage/scoped.js";
import { collectKeys, type Place } from "./place.js";

/** The contract of the probe and the two views on every backend. */
export function describeViewsContract(place: Place): void {
  it("passes the probe for conditional writes, also with create-only rights", async () => {
    await probeConditionalWrites(place.store, "staging");
    await probeConditionalWrites(limitToCreates(place.store, ["ends"]), "ends");
    expect((await collectKeys(place.store.blobs.list("ends/_probe/"))).length).toBe(1);
    expect((await collectKeys(place.store.blobs.list("staging/_probe/"))).length).toBe(1);
  });

  it("confines a tenant's view to that tenant without a request to the store", async () => {
    const view = scopeToTenant(place.store, "T.UBL");
    const denied = { code: "denied" };
    await view.blobs.create("artifacts/T.UBL/x", Buffer.from("mine"));
    expect(Buffer.from((await view.blobs.get("artifacts/T.UBL/x")) ?? []).toString()).toBe("mine");
    for (const key of ["artifacts/T.UBL2/x", "artifacts/T.OTHER/x", "artifacts/T.UBL", "artifacts/t.ubl/x"]) {
      await expect(view.blobs.get(key)).rejects.toMatchObject(denied);
      await expect(view.blobs.getToFile(key, join(place.folder, "leak"))).rejects.toMatchObject(denied);
      await expect(view.blobs.stat(key)).rejects.toMatchObject(denied);
      await expect(view.blobs.create(key, Buffer.of())).rejects.toMatchObject(denied);
      await expect(view.blobs.createFromFile(key, join(place.folder, "none"))).rejects.toMatchObject(denied);
      await expect(view.pointers.read(key)).rejects.toMatchObject(denied);
      await expect(view.pointers.swap(key, null, Buffer.of())).rejects.toMatchObject(denied);
    }
    for (const prefix of ["artifacts/", "artifacts/T.UBL", "artifacts/T.UBL2/"]) {
      expect(() => view.blobs.list(prefix)).toThrow(StorageFault);
    }
    expect(await collectKeys(view.blobs.list("artifacts/T.UBL/"))).toEqual(["artifacts/T.UBL/x"]);
    expect(() => scopeToTenant(place.store, "")).toThrow(StorageFault);
  });

  it("lets a create-only view read everywhere, create in its spaces, and swap nowhere", async () => {
    const view = limitToCreates(place.store, ["staging", "ends"]);
    const denied = { code: "denied" };
    const prefix = place.createPrefix("staging");
    const outside = `${place.createPrefix("repos")}x`;
    await place.store.blobs.create(outside, Buffer.from("x"));
    expect(await view.blobs.create(`${prefix}x`, Buffer.from("x"))).toBe("created");
    expect((await view.blobs.get(outside))?.byteLength).toBe(1);
    await expect(view.blobs.create(outside, Buffer.from("y"))).rejects.toMatchObject(denied);
    await expect(view.blobs.createFromFile(outside, join(place.folder, "none"))).rejects.toMatchObject(denied);
    for (const key of [`${prefix}x`, outside]) {
      await expect(view.pointers.swap(key, null, Buffer.from("y"))).rejects.toMatchObject(denied);
      expect((await view.pointers.read(key))?.bytes.byteLength).toBe(1);
    }
  });
}
