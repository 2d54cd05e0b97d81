import { EXIT } from "./exit-codes.js";
import { runCli } from "./run.js";

// Whoever reads the output may have enough of it, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(EXIT.ok);
});

process.exitCode = await runCli(process.argv.slice(2));
