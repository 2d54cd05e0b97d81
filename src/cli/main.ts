import { EXIT } from "./exit-codes.js";
import { runCli } from "./run.js";

// The reader may close the pipe early, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.ok);
  process.stderr.write(
    `ogr: The output cannot be written (${error.code ?? error.message}). What the command did is done; only its output is lost.\n`,
  );
  process.exit(EXIT.error);
});

process.exitCode = await runCli(process.argv.slice(2));
