import { Client, Connection } from "@temporalio/client";

/** Direct access to Temporal, for tests that inspect flows or attack them from inside the network. */
export interface TemporalTestClient {
  readonly client: Client;
  close(): Promise<void>;
}

export async function openTemporalClient(temporal: { readonly address: string; readonly namespace: string }): Promise<TemporalTestClient> {
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace, identity: "test" });
  return { client, close: () => connection.close() };
}
