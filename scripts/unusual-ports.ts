import { choosePorts, DEFAULT_PORTS, type PortName } from "../src/stack/servers/ports.js";

/** Chooses free ports for every listener and none of the usual ones: stacks that come and go run beside a developer's own. */
export async function chooseUnusualPorts(dataDir: string): Promise<void> {
  await choosePorts(dataDir, Object.keys(DEFAULT_PORTS) as PortName[], {});
}
