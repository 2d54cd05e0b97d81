import { withKeyLock } from "../../src/storage/directory/lock.js";

/** A child process that takes the lock at `path`, prints that, and holds it until it is killed. */
const [path = ""] = process.argv.slice(2);

await withKeyLock("a test's key", path, () => {
  process.stdout.write("held\n");
  return new Promise<never>(() => {
    setInterval(() => undefined, 60_000);
  });
});
