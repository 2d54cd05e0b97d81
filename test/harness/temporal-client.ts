import { Client, Connection } from "@temporalio/client";

/** Somebody who can reach Temporal and nothing else: what an attacker inside the network has, and what a test looks through. */
export interface TemporalTestClient {
  readonly client: Client;
  close(): Promise<void>;
}

export async function openTemporalClient(temporal: { readonly address: string; readonly namespace: string }): Promise<TemporalTestClient> {
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace, identity: "test" });
  return { client, close: () => connection.close() };
}
