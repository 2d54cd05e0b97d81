import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { realpath, rename, rm, stat } from "node:fs/promises";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type { RegistryClient } from "../../../client/http/registry-client.js";
import { ChainReader } from "../../../client/offline/ledger.js";
import { ignoreAbsence } from "../../../process/durable-file.js";
import { RegistryCommand } from "../../cli-command.js";
import { UsageError } from "../../failure.js";
import { parseSequenceNumber } from "../../terminal/option-values.js";
import { type Step, withProgress } from "../../terminal/progress.js";

interface ExportOptions {
  readonly output?: string;
  readonly after: string;
}

/** `ogr ledger export`: writes the tenant's chain, one entry per line, and verifies it on the way. */
export function buildLedgerExportCommand(): RegistryCommand {
  return new RegistryCommand<ExportOptions>("export", "write the tenant's ledger as JSON lines")
    .option("--output <file>", "the file to write (default: standard output)")
    .option("--after <seq>", "only entries after this one, to continue an earlier export", "0")
    .addExamples(
      "ogr ledger export --output ledger.jsonl && ogr ledger verify --file ledger.jsonl",
      "ogr ledger export --after 1200 >> ledger.jsonl",
      "ogr ledger export | jq -r .type | sort | uniq -c",
    )
    .run(async ({ options, out, openClient }) => {
      const after = parseSequenceNumber("--after", options.after);
      const registry = await openClient();
      const chain = await withProgress(out, "", (step) =>
        options.output === undefined
          ? copyEntries(registry, after, process.stdout, step)
          : writeCompleteFile(options.output, (file) => copyEntries(registry, after, file, step)),
      );
      const entries = `${chain.entries} entries, head ${chain.head.seq}: ${chain.head.hash}`;
      if (options.output === undefined) out.remark(entries);
      else out.print({ ok: true, path: options.output, ...chain }, `${options.output}: ${entries}`);
    });
}

/** Writes the entries as they arrive, and verifies the chain. @throws BrokenChain */
async function copyEntries(registry: RegistryClient, after: number, to: Writable, step: Step) {
  const reader = new ChainReader();
  for await (const page of registry.listLedgerEntries().readPages({ after: after === 0 ? undefined : String(after) })) {
    for (const entry of page) {
      reader.follow(entry);
      if (!to.write(`${JSON.stringify(entry)}\n`)) await once(to, "drain");
    }
    step(`${reader.chain.entries} entries`);
  }
  return reader.chain;
}

/**
 * Writes under another name and renames at the end, so that an existing file is complete. A device or a pipe is written to, never replaced, and
 * so is the file behind a link. Private, because the ledger names people. @throws UsageError
 */
async function writeCompleteFile<T>(output: string, write: (file: Writable) => Promise<T>): Promise<T> {
  try {
    const found = await stat(output).catch(ignoreAbsence);
    const path = found === undefined ? output : await realpath(output);
    if (found !== undefined && !found.isFile()) return await writeWhole(path, write);
    const draft = `${path}.part`;
    try {
      const made = await writeWhole(draft, write);
      await rename(draft, path);
      return made;
    } finally {
      await rm(draft, { force: true });
    }
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) throw error;
    throw new UsageError(`--output: ${output} cannot be written (${code}); free space there, or name another file.`);
  }
}

async function writeWhole<T>(path: string, write: (file: Writable) => Promise<T>): Promise<T> {
  const file = createWriteStream(path, { mode: 0o600 });
  const end = finished(file);
  // A write that fails while the next page is read is thrown at the end.
  end.catch(() => undefined);
  await Promise.race([once(file, "open"), end]);
  const made = await write(file);
  file.end();
  await end;
  return made;
}
