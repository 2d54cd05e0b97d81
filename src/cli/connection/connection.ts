import type { Connection } from "../../client/http/http.js";
import { requireValue } from "../../client/http/problem.js";
import { createRegistryClient, fetchWhoami, type RegistryClient } from "../../client/http/registry-client.js";
import { UsageError } from "../failure.js";
import { type Profile, readProfiles, requireProfile } from "./profiles.js";
import { readStackState, type StackState } from "./state-file.js";

/** The options that select a registry and a caller. */
export interface ConnectionOptions {
  readonly server?: string;
  readonly token?: string;
  readonly tenant?: string;
  readonly profile?: string;
  /** An actor of the development registry: `bob`, or a full actor id. */
  readonly as?: string;
}

/** The selected registry. `origin` tells a person where the choice comes from. */
export interface ChosenServer {
  readonly server: string;
  readonly origin: string;
}

/** The selected token. `identity` is its owner, if known without asking the registry. */
interface ChosenToken {
  readonly token: string;
  readonly origin: string;
  readonly identity?: { readonly tenant_id: string; readonly actor_id: string };
}

/** Where a choice can come from, in order of precedence. */
interface Sources {
  readonly options: ConnectionOptions;
  readonly environment: NodeJS.ProcessEnv;
  readonly profile: (Profile & { readonly name: string }) | undefined;
  readonly state: StackState | undefined;
}

/** How long a command retries while the registry is full. */
const PATIENCE_MS = 60_000;

/** Opens a client for the registry that the options, the environment, the profile or this clone's development registry name. */
export async function openRegistryClient(
  options: ConnectionOptions,
  environment: NodeJS.ProcessEnv,
  notify: NonNullable<Connection["notify"]>,
): Promise<RegistryClient> {
  const { connection, identity } = await resolveConnection(options, environment);
  const { tenant_id, actor_id } = identity ?? requireValue(await fetchWhoami(connection));
  return createRegistryClient({ ...connection, notify }, { tenant_id: options.tenant ?? (environment.OGR_TENANT || tenant_id), actor_id });
}

/** Resolves the registry and the token without asking the registry. @throws UsageError if none is named */
export async function resolveConnection(options: ConnectionOptions, environment: NodeJS.ProcessEnv) {
  const sources = await readSources(options, environment);
  const chosen = chooseServer(sources);
  const { token, origin, identity } = chooseToken(chosen.server, sources);
  const connection: Connection = { server: chosen.server, token, patienceMs: PATIENCE_MS };
  return { connection, origin: chosen.origin === origin ? origin : `${chosen.origin}, ${origin}`, identity };
}

/** Resolves the registry alone. @throws UsageError if none is named */
export async function resolveServer(options: ConnectionOptions, environment: NodeJS.ProcessEnv): Promise<ChosenServer> {
  return chooseServer(await readSources(options, environment));
}

/** Parses an address and drops its trailing slashes. @throws UsageError */
export function parseServerAddress(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text))
    throw new UsageError(`--server: ${text} is not an address; use one such as http://127.0.0.1:7450.`);
  return new URL(text).href.replace(/\/+$/, "");
}

async function readSources(options: ConnectionOptions, environment: NodeJS.ProcessEnv): Promise<Sources> {
  const [profiles, state] = await Promise.all([readProfiles(environment), readStackState()]);
  // `--as` implies the development registry, so no profile applies.
  const name = options.profile ?? (options.as === undefined ? environment.OGR_PROFILE || profiles.current : null);
  return { options, environment, profile: name === null ? undefined : { ...requireProfile(profiles, name), name }, state };
}

function chooseServer({ options, environment, profile, state }: Sources): ChosenServer {
  const found = [
    { server: options.server, origin: "--server" },
    { server: options.profile === undefined ? undefined : profile?.server, origin: "--profile" },
    { server: environment.OGR_SERVER || undefined, origin: "OGR_SERVER" },
    { server: profile?.server, origin: `profile ${profile?.name}` },
    { server: state?.api_url, origin: "this clone's ogr dev" },
  ].find(({ server }) => server !== undefined);
  if (found?.server === undefined)
    throw new UsageError(
      "No registry is selected: log in with `ogr auth login`, pass --server, set OGR_SERVER, or start one with `ogr dev`.",
    );
  return { server: parseServerAddress(found.server), origin: found.origin };
}

function chooseToken(server: string, sources: Sources): ChosenToken {
  const { options, environment, profile } = sources;
  if (options.token !== undefined) return { token: options.token, origin: "--token" };
  if (options.as !== undefined) return chooseDevelopmentToken(server, sources, options.as);
  if (options.profile === undefined && environment.OGR_TOKEN) return { token: environment.OGR_TOKEN, origin: "OGR_TOKEN" };
  if (profile !== undefined && parseServerAddress(profile.server) === server) {
    const { token, tenant_id, actor_id, name } = profile;
    return { token, origin: `profile ${name}`, identity: { tenant_id, actor_id } };
  }
  // A profile's token is never sent to another server.
  if (options.profile !== undefined)
    throw new UsageError(`--profile: ${options.profile} is for ${profile?.server}, and its token is sent nowhere else; omit --server.`);
  return chooseDevelopmentToken(server, sources, undefined);
}

function chooseDevelopmentToken(server: string, { state }: Sources, as: string | undefined): ChosenToken {
  const actors = state !== undefined && parseServerAddress(state.api_url) === server ? state.actors : [];
  const wanted = as ?? "admin";
  const actor = actors.find((one) => one.actor_id === wanted || one.actor_id.split(":").at(-1) === wanted);
  if (actor !== undefined) {
    const { token, tenant_id, actor_id } = actor;
    return { token, origin: "this clone's ogr dev", identity: { tenant_id, actor_id } };
  }
  if (as !== undefined && actors.length > 0)
    throw new UsageError(`--as: the development registry has no actor ${as}; it has ${actors.map((one) => one.actor_id).join(", ")}.`);
  if (as !== undefined)
    throw new UsageError(
      `--as: it names an actor of this clone's \`ogr dev\`, which does not serve ${server}; start it, or omit --as and log in with \`ogr auth login\`.`,
    );
  throw new UsageError("No token is given: log in with `ogr auth login`, set OGR_TOKEN, or pass --token.");
}
