import { AssumeRoleProvider } from "minio/dist/esm/AssumeRoleProvider.mjs";
import type { S3Server } from "../servers/object-store.js";

export type Plane = "LAB_256" | "LAB_512";

/** Temporary credentials. Every request made with them carries the session token. */
export interface PlaneCredentials {
  access_key: string;
  secret_key: string;
  session_token: string;
}

export interface AssumeRoleOptions {
  plane: Plane;
  /** The prefix of this deployment's bucket names; empty when it has a server to itself. */
  bucketPrefix?: string;
  /** The lifetime of the credentials in seconds: at least 900; a week by default. */
  durationS?: number;
}

const weekS = 7 * 24 * 60 * 60;

/**
 * Requests temporary credentials from the object store's STS that allow exactly what the plane may do (contracts, "Planes"). Throws if
 * the server refuses.
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

/** Builds the inline session policy of a plane, as an IAM policy document. */
export function buildPlanePolicy(plane: Plane, bucketPrefix: string): { Version: "2012-10-17"; Statement: PolicyStatement[] } {
  const allBuckets = [`arn:aws:s3:::${bucketPrefix}*`];
  const read: PolicyStatement = { Effect: "Allow", Action: readActions, Resource: allBuckets };
  const written: Record<Plane, PolicyStatement> = {
    LAB_256: {
      Effect: "Allow",
      Action: writeActions,
      Resource: ["staging", "ends"].map((bucket) => `arn:aws:s3:::${bucketPrefix}${bucket}/*`),
    },
    LAB_512: { Effect: "Allow", Action: writeActions, Resource: allBuckets },
  };
  return { Version: "2012-10-17", Statement: [read, written[plane]] };
}
