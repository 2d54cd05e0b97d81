import { openDirectoryStore } from "../../src/storage/directory/store.js";
import type { ObjectStore } from "../../src/storage/ports.js";

/**
 * A child process that contends for keys of a directory store. Arguments: `root name`. For each line of JSON on stdin it runs a contest
 * and prints the number of its wins. All processes start a contest together because they wait for the line.
 */
interface Contest {
  readonly key: string;
  readonly kind: "create" | "swap" | "increment";
  readonly expected?: string;
  readonly times: number;
}

async function attempt(store: ObjectStore, name: string, contest: Contest, number: number): Promise<boolean> {
  const bytes = Buffer.from(`${name} ${number}`);
  switch (contest.kind) {
    case "create":
      return (await store.blobs.create(contest.key, bytes)) === "created";
    case "swap":
      return (await store.pointers.swap(contest.key, contest.expected ?? null, bytes)).won;
    case "increment":
      for (;;) {
        const before = await store.pointers.read(contest.key);
        const next = Buffer.from(`${Number(Buffer.from(before?.bytes ?? []).toString()) + 1}`);
        if ((await store.pointers.swap(contest.key, before?.version ?? null, next)).won) {
          return true;
        }
      }
  }
}

async function contend([root = "", name = ""]: readonly string[]): Promise<void> {
  const store = await openDirectoryStore(root);
  process.stdout.write("ready\n");
  for await (const line of process.stdin.setEncoding("utf8")) {
    const contest = JSON.parse(String(line)) as Contest;
    const outcomes = await Promise.all(Array.from({ length: contest.times }, (_, number) => attempt(store, name, contest, number)));
    process.stdout.write(`${outcomes.filter(Boolean).length}\n`);
  }
}

await contend(process.argv.slice(2));
