import { NativeConnection, Worker } from "@temporalio/worker";
import { openStore } from "../../src/storage/open.js";
import { STORE_QUEUE, type StoreSteps } from "./steps.js";

const { BARE_TEMPORAL = "", BARE_NAMESPACE = "", BARE_STORE = "" } = process.env;
const store = await openStore(JSON.parse(BARE_STORE));
const OBJECT = Buffer.alloc(1_000, "x");

const activities: StoreSteps = {
  async useStore(flow) {
    const [claim, pack, receipt] = ["claim", "pack", "receipt"].map((name) => `artifacts/T.BENCH/bare/${flow}/${name}`) as [
      string,
      string,
      string,
    ];
    await store.blobs.create(claim, OBJECT);
    await store.blobs.stat(pack);
    await store.blobs.create(pack, OBJECT);
    const read = await store.blobs.get(claim);
    await store.blobs.create(receipt, OBJECT);
    await store.blobs.stat(receipt);
    return (read?.byteLength ?? 0) + ((await store.blobs.get(pack))?.byteLength ?? 0);
  },
};
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address: BARE_TEMPORAL }),
  namespace: BARE_NAMESPACE,
  taskQueue: STORE_QUEUE,
  activities: { ...activities },
});
console.log(JSON.stringify({ ready: true }));
await worker.run();
await store.close();
