import { EXIT } from "./exit-codes.js";
import { runCli } from "./run.js";

// The reader may close the pipe early, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(EXIT.ok);
});

process.exitCode = await runCli(process.argv.slice(2));
