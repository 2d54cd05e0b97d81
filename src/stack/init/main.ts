/**
 * The one-shot steps of an installation: `databases` creates the accounts and databases in Postgres, `registry` founds the registry on
 * running servers. Both can be run again at any time.
 */
import { runMain } from "../../process/run-main.js";
import { initDatabases } from "./databases.js";
import { initRegistry } from "./registry.js";

const [step] = process.argv.slice(2);

await runMain("init", async () => {
  if (step === "databases") await initDatabases(process.env);
  else if (step === "registry") process.stdout.write(`${await initRegistry(process.env)}\n`);
  else throw new Error("name the step to run: `databases` or `registry`");
});
