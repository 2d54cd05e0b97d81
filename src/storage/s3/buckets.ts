import { StorageFault } from "../ports.js";
import { spaceNames } from "../spaces.js";
import { readText } from "./answers.js";
import { bucketOf, type S3Config } from "./config.js";
import { openSession, type Session } from "./session.js";

/** Creates every missing bucket. Idempotent; throws {@link StorageFault} `denied` where the credentials may not. */
export async function createBuckets(config: S3Config): Promise<void> {
  const session = openSession(config);
  try {
    for (const space of spaceNames) {
      const target = { key: `${space}/`, space };
      const present = await session.read({ target, method: "HEAD", answers: [404], receive: readText });
      if (!present.ok) {
        await createBucket(session, config, target);
      }
    }
  } finally {
    session.close();
  }
}

async function createBucket(
  session: Session,
  config: S3Config,
  target: { key: string; space: (typeof spaceNames)[number] },
): Promise<void> {
  const bytes = locationConstraint(config.region);
  const outcome = await session.write({
    target,
    headers: {},
    body: { kind: "bytes", bytes },
    answers: [409],
    receive: readText,
  });
  // Somebody else may have created it since it was looked for. Somebody else's bucket is another matter.
  if (!outcome.ok && outcome.refusal.code === "BucketAlreadyExists") {
    const bucket = bucketOf(config, target.space);
    throw new StorageFault("misconfigured", target.key, `The bucket ${bucket} is another owner's: set bucket_prefix.`);
  }
}

/** S3 wants the region in the body, except for us-east-1, where it wants no body. */
function locationConstraint(region: string): Uint8Array {
  const xmlns = "http://s3.amazonaws.com/doc/2006-03-01/";
  return Buffer.from(
    region === "us-east-1"
      ? ""
      : `<CreateBucketConfiguration xmlns="${xmlns}"><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`,
  );
}
