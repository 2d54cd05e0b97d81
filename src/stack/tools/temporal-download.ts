/**
 * Downloads the Temporal CLI with the SDK's own downloader into the folder given as first argument. It runs as a separate process because
 * the downloader is native code that cannot be cancelled from inside.
 */
import { TestWorkflowEnvironment } from "@temporalio/testing";

const [downloadDir, version] = process.argv.slice(2);
if (!downloadDir || !version) throw new Error("usage: temporal-download FOLDER VERSION");

const environment = await TestWorkflowEnvironment.createLocal({
  server: { executable: { type: "cached-download", downloadDir, version } },
});
await environment.teardown();
