import { runMain } from "../process/run-main.js";
import { startApi } from "./api.js";

await runMain("api", async () => {
  const api = await startApi(process.env);
  const announcement = { ready: true, pid: process.pid, name: "api", url: api.url, metrics_url: api.metricsUrl };
  process.stdout.write(`${JSON.stringify(announcement)}\n`);
  let isStopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      api.close().then(
        () => process.exit(0),
        (error: unknown) => {
          api.log.error({ err: error }, "the api did not stop cleanly");
          process.exit(1);
        },
      );
    });
});
