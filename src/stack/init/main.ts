/**
 * The one-shot steps of an installation: `databases` makes the accounts and databases in Postgres, `registry` founds the registry on
 * servers that run. Both can be run again at any time.
 */
import { runMain } from "../../process/run-main.js";
import { initDatabases } from "./databases.js";
import { initRegistry } from "./registry.js";

const [step] = process.argv.slice(2);

await runMain("init", async () => {
  if (step === "databases") await initDatabases(process.env);
  else if (step === "registry") process.stdout.write(`${await initRegistry(process.env)}\n`);
  else throw new Error("say what to set up: `databases` or `registry`");
});
