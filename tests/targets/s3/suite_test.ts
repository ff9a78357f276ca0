import { startS3Server } from "../../support/s3_server.ts";
import { S3_BUCKET, s3Suite } from "./s3_suite.ts";

s3Suite("S3FileSystem", () => startS3Server({ buckets: { [S3_BUCKET]: {} } }));
