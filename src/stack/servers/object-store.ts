import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "minio";
import { buildBaseEnvironment } from "../environment.js";
import type { StackSecrets } from "../founding/secrets.js";
import type { Supervisor } from "../supervise.js";

/** An S3 endpoint and the credentials for it. */
export interface S3Server {
  kind: "s3";
  /** URL, for instance `http://127.0.0.1:9000`. */
  endpoint: string;
  region: string;
  access_key: string;
  secret_key: string;
}

const region = "us-east-1";

/** Starts MinIO on one drive, `<dataDir>/minio`, with this folder's root credentials. */
export async function startMinio(supervisor: Supervisor, tool: string, port: number, secrets: StackSecrets): Promise<S3Server> {
  const folder = join(supervisor.dataDir, "minio");
  // An empty folder of its own, because certificates in the user's home would switch the server to TLS.
  const certificates = join(supervisor.dataDir, "minio-certs");
  await Promise.all([folder, certificates].map((path) => mkdir(path, { recursive: true })));
  const server: S3Server = {
    kind: "s3",
    endpoint: `http://127.0.0.1:${port}`,
    region,
    access_key: secrets.object_store_user,
    secret_key: secrets.object_store_password,
  };
  const client = createS3Client(server);
  await supervisor.start({
    name: "minio",
    command: tool,
    args: ["server", folder, "--address", `127.0.0.1:${port}`, "--certs-dir", certificates, "--quiet"],
    env: {
      ...buildBaseEnvironment(),
      GOGC: "400",
      MINIO_ROOT_USER: server.access_key,
      MINIO_ROOT_PASSWORD: server.secret_key,
      MINIO_SITE_REGION: region,
      MINIO_BROWSER: "off",
      MINIO_UPDATE: "off",
      // The scanner does nothing that a registry needs, and each minute it writes files for every bucket.
      MINIO_SCANNER_SPEED: "slowest",
    },
    // Sends a signed request as well, because the health endpoint can respond before the credentials are loaded.
    isReady: async () => {
      const health = await fetch(`${server.endpoint}/minio/health/ready`, { signal: AbortSignal.timeout(2_000) });
      if (!health.ok) return false;
      await client.listBuckets();
      return true;
    },
  });
  return server;
}

/** Creates a minio client with these credentials. */
export function createS3Client(server: Omit<S3Server, "kind"> & { session_token?: string }): Client {
  const url = new URL(server.endpoint);
  return new Client({
    endPoint: url.hostname,
    port: Number(url.port || (url.protocol === "https:" ? 443 : 80)),
    useSSL: url.protocol === "https:",
    region: server.region,
    accessKey: server.access_key,
    secretKey: server.secret_key,
    ...(server.session_token === undefined ? {} : { sessionToken: server.session_token }),
  });
}
