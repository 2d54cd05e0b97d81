import type { InfraCommand } from "../../src/infra/command.js";
import { type MutationStep, mutateRegistry, type RegistryFilePaths } from "../../src/infra/registry-files.js";

/** What the process does, as JSON in its argument. */
export interface InfraWriting {
  readonly place: RegistryFilePaths;
  readonly command: InfraCommand;
  readonly at: string;
  /** The step after which the process kills itself. */
  readonly diesAfter?: MutationStep;
}

async function write({ place, command, at, diesAfter }: InfraWriting): Promise<void> {
  const onStep = (step: MutationStep): void => {
    if (step === diesAfter) process.kill(process.pid, "SIGKILL");
  };
  const done = await mutateRegistry(place, command, { now: () => new Date(at), onStep });
  process.stdout.write(done.ok ? "written" : done.refusal.code);
}

await write(JSON.parse(process.argv[2] ?? "") as InfraWriting);
