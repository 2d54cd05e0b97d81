import { required } from "../client/problem.js";
import { type RegistryClient, registryClient, whoami } from "../client/registry-client.js";
import { readState, type StackState } from "./state-file.js";
import { UsageError } from "./usage.js";

/** The options by which a command finds its registry and says who calls. */
export interface ConnectionOptions {
  readonly server?: string;
  readonly token?: string;
  readonly tenant?: string;
  /** An actor of the development registry: `bob`, or a whole actor id. */
  readonly as?: string;
}

/** A client for the registry that the options, the environment or this clone's development registry name, in this order. */
export async function connect(options: ConnectionOptions, environment: NodeJS.ProcessEnv): Promise<RegistryClient> {
  const state = await readState();
  const server = options.server ?? (environment.OGR_SERVER || state?.api_url);
  if (server === undefined) throw new UsageError("No registry is named: give --server, set OGR_SERVER, or start one with `ogr dev`.");
  if (!/^https?:\/\//.test(server) || !URL.canParse(server))
    throw new UsageError(`--server: ${server} is not an address; write one such as http://127.0.0.1:7450.`);
  const token = tokenOf(options, environment, server, state);
  const connection = { server, token };
  const { tenant_id, actor_id } = required(await whoami(connection));
  return registryClient(connection, { tenant_id: options.tenant ?? (environment.OGR_TENANT || tenant_id), actor_id });
}

function tokenOf({ token, as }: ConnectionOptions, environment: NodeJS.ProcessEnv, server: string, state: StackState | undefined): string {
  if (token !== undefined) return token;
  if (as === undefined && environment.OGR_TOKEN) return environment.OGR_TOKEN;
  const actors = state?.api_url === server ? state.actors : [];
  const wanted = as ?? "admin";
  const actor = actors.find((one) => one.actor_id === wanted || one.actor_id.split(":").at(-1) === wanted);
  if (actor !== undefined) return actor.token;
  if (as !== undefined && actors.length > 0)
    throw new UsageError(`--as: the development registry has no actor ${as}; it has ${actors.map((one) => one.actor_id).join(", ")}.`);
  throw new UsageError("No token is given: set OGR_TOKEN, or give --token.");
}
