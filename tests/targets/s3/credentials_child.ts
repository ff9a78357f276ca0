/** Says which credentials a program finds with the permissions it has, or why it finds none. */

import { PermissionError } from "../../../src/errors.ts";
import { resolveS3Settings } from "../../../src/targets/s3/settings.ts";

try {
  const credentials = await resolveS3Settings().credentials.get();
  console.log(JSON.stringify({ accessKeyId: credentials?.accessKeyId }));
} catch (error) {
  if (!(error instanceof PermissionError)) throw error;
  console.log(JSON.stringify({ flag: error.flag, message: error.message }));
}
