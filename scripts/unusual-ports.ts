import { choosePorts, DEFAULT_PORTS, type PortName } from "../src/stack/servers/ports.js";

/** Chooses free ports other than the defaults for every listener, so that a temporary stack can run beside a developer's own. */
export async function chooseUnusualPorts(dataDir: string): Promise<void> {
  await choosePorts(dataDir, Object.keys(DEFAULT_PORTS) as PortName[], {});
}
