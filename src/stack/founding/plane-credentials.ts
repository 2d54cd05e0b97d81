import { AssumeRoleProvider } from "minio/dist/esm/AssumeRoleProvider.mjs";
import type { S3Server } from "../servers/object-store.js";

export type Plane = "LAB_256" | "LAB_512";

/** Temporary credentials; every request made with them carries the token. */
export interface PlaneCredentials {
  access_key: string;
  secret_key: string;
  session_token: string;
}

export interface AssumeRoleOptions {
  plane: Plane;
  /** What the names of this deployment's buckets begin with; empty when the server is ours alone. */
  bucketPrefix?: string;
  /** How long the credentials live: at least 900 s; a week when absent. */
  durationS?: number;
}

const weekS = 7 * 24 * 60 * 60;

/**
 * Asks the object store's STS for temporary credentials that can do what the plane may do and nothing more
 * (contracts, "Planes"). Throws when the server refuses.
 */
export async function assumeRole(server: S3Server, options: AssumeRoleOptions): Promise<PlaneCredentials> {
  const provider = new AssumeRoleProvider({
    stsEndpoint: server.endpoint,
    accessKey: server.access_key,
    secretKey: server.secret_key,
    region: server.region,
    durationSeconds: options.durationS ?? weekS,
    policy: JSON.stringify(buildPlanePolicy(options.plane, options.bucketPrefix ?? "")),
  });
  const credentials = await provider.getCredentials();
  return {
    access_key: credentials.getAccessKey(),
    secret_key: credentials.getSecretKey(),
    session_token: credentials.getSessionToken() ?? "",
  };
}

interface PolicyStatement {
  Effect: "Allow";
  Action: string[];
  Resource: string[];
}

const readActions = ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"];
const writeActions = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];

/** The inline session policy of a plane, in the grammar of IAM. */
export function buildPlanePolicy(plane: Plane, bucketPrefix: string): { Version: "2012-10-17"; Statement: PolicyStatement[] } {
  const everything = [`arn:aws:s3:::${bucketPrefix}*`];
  const read: PolicyStatement = { Effect: "Allow", Action: readActions, Resource: everything };
  const written: Record<Plane, PolicyStatement> = {
    LAB_256: {
      Effect: "Allow",
      Action: writeActions,
      Resource: ["staging", "claims"].map((bucket) => `arn:aws:s3:::${bucketPrefix}${bucket}/*`),
    },
    LAB_512: { Effect: "Allow", Action: writeActions, Resource: everything },
  };
  return { Version: "2012-10-17", Statement: [read, written[plane]] };
}
