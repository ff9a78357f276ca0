/** What S3 does with uploads in parts. */

import { createHash } from "node:crypto";
import {
  checkConditions,
  keptHeaders,
  limitOf,
  malformed,
  nameEncoder,
  type S3Call,
  textOf,
} from "./s3_operations.ts";
import { compareKeys, type S3Part, type S3Upload, sizeOf } from "./s3_store.ts";
import { document, elementsOf, type S3Answer, S3Refusal, textsIn, valueIn } from "./s3_wire.ts";

const MOST_PARTS = 10_000;

export const uploadOperations: Readonly<Record<string, (call: S3Call) => S3Answer>> = {
  CreateMultipartUpload: create,
  UploadPart: uploadPart,
  CompleteMultipartUpload: complete,
  AbortMultipartUpload: abort,
  ListParts: listParts,
  ListMultipartUploads: listUploads,
};

function create({ request, bucket, now, newId }: S3Call): S3Answer {
  const { key } = request;
  const id = newId();
  bucket.uploads.set(id, { id, key, begun: now, headers: keptHeaders(request), parts: new Map() });
  return document(
    "InitiateMultipartUploadResult",
    elementsOf({ Bucket: bucket.name, Key: key, UploadId: id }),
  );
}

function uploadOf({ request, bucket }: S3Call): S3Upload {
  const upload = bucket.uploads.get(request.query.get("uploadId") ?? "");
  if (upload?.key === request.key) return upload;
  throw new S3Refusal(
    404,
    "NoSuchUpload",
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    { UploadId: request.query.get("uploadId") ?? "" },
  );
}

function uploadPart(call: S3Call): S3Answer {
  const { request, content, digests, now } = call;
  const number = Number(request.query.get("partNumber"));
  if (!Number.isInteger(number) || number < 1 || number > MOST_PARTS) {
    throw new S3Refusal(
      400,
      "InvalidArgument",
      `Part number must be an integer between 1 and ${MOST_PARTS}, inclusive`,
    );
  }
  const etag = `"${digests.md5}"`;
  const { checksums } = digests;
  const part = { content, size: sizeOf(content), etag, modified: now, checksums };
  uploadOf(call).parts.set(number, part);
  return { status: 200, headers: { etag, ...checksums } };
}

function complete(call: S3Call): S3Answer {
  const { request, bucket, now } = call;
  const upload = uploadOf(call);
  const parts = partsIn(textOf(call.content), upload);
  if (parts.slice(0, -1).some(({ size }) => size < call.minPartSize)) {
    throw new S3Refusal(
      400,
      "EntityTooSmall",
      "Your proposed upload is smaller than the minimum allowed size",
      { MinSizeAllowed: String(call.minPartSize) },
    );
  }
  checkConditions(call);
  const md5 = createHash("md5");
  for (const { etag } of parts) md5.update(etag.replaceAll('"', ""), "hex");
  const etag = `"${md5.digest("hex")}-${parts.length}"`;
  const content = parts.flatMap((part) => part.content);
  bucket.uploads.delete(upload.id);
  bucket.objects.set(request.key, {
    content,
    size: sizeOf(content),
    etag,
    modified: now,
    headers: upload.headers,
    checksums: {},
  });
  return document(
    "CompleteMultipartUploadResult",
    elementsOf({ Location: request.path, Bucket: bucket.name, Key: request.key, ETag: etag }),
  );
}

/** The parts that are named, which must be those that came, in their order. */
function partsIn(xml: string, upload: S3Upload): readonly S3Part[] {
  const named = textsIn(xml, "Part");
  if (named.length === 0) throw malformed();
  let last = 0;
  return named.map((text) => {
    const number = Number(valueIn(text, "PartNumber"));
    const etag = valueIn(text, "ETag")?.replaceAll('"', "");
    if (!Number.isInteger(number) || etag === undefined) throw malformed();
    if (number <= last) {
      throw new S3Refusal(
        400,
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        { UploadId: upload.id },
      );
    }
    last = number;
    const part = upload.parts.get(number);
    if (part?.etag === `"${etag}"` && hasChecksums(text, part)) return part;
    throw new S3Refusal(
      400,
      "InvalidPart",
      "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
      { UploadId: upload.id, PartNumber: String(number), ETag: etag },
    );
  });
}

function hasChecksums(text: string, part: S3Part): boolean {
  return Object.entries(part.checksums).every(([header, value]) => {
    const claimed = valueIn(
      text,
      `Checksum${header.slice("x-amz-checksum-".length).toUpperCase()}`,
    );
    return claimed === undefined || claimed === value;
  });
}

function abort(call: S3Call): S3Answer {
  call.bucket.uploads.delete(uploadOf(call).id);
  return { status: 204 };
}

function listParts(call: S3Call): S3Answer {
  const { query } = call.request;
  const upload = uploadOf(call);
  const limit = limitOf(query.get("max-parts"), "max-parts");
  const marker = Number(query.get("part-number-marker") ?? 0);
  const rest = [...upload.parts].filter(([number]) => number > marker).sort(([a], [b]) => a - b);
  const page = rest.slice(0, limit);
  const isTruncated = page.length < rest.length;
  const head = elementsOf({
    Bucket: call.bucket.name,
    Key: upload.key,
    UploadId: upload.id,
    PartNumberMarker: marker,
    NextPartNumberMarker: isTruncated ? page.at(-1)?.[0] : undefined,
    MaxParts: limit,
    IsTruncated: isTruncated,
  });
  const parts = page.map(([PartNumber, { etag: ETag, size: Size, modified }]) => {
    const LastModified = new Date(modified).toISOString();
    return `<Part>${elementsOf({ PartNumber, LastModified, ETag, Size })}</Part>`;
  });
  return document("ListPartsResult", head + parts.join(""));
}

function listUploads({ request, bucket }: S3Call): S3Answer {
  const { query } = request;
  const prefix = query.get("prefix") ?? "";
  const keyMarker = query.get("key-marker") ?? "";
  const idMarker = query.get("upload-id-marker") ?? "";
  const limit = limitOf(query.get("max-uploads"), "max-uploads");
  const name = nameEncoder(query.get("encoding-type"));
  const rest = [...bucket.uploads.values()]
    .filter(({ key, id }) => {
      if (!key.startsWith(prefix)) return false;
      const order = compareKeys(key, keyMarker);
      return order > 0 || (order === 0 && idMarker !== "" && id > idMarker);
    })
    .sort((a, b) => compareKeys(a.key, b.key) || (a.id < b.id ? -1 : 1));
  const page = rest.slice(0, limit);
  const last = page.length < rest.length ? page.at(-1) : undefined;
  const head = elementsOf({
    Bucket: bucket.name,
    KeyMarker: name(keyMarker),
    UploadIdMarker: idMarker,
    NextKeyMarker: last === undefined ? undefined : name(last.key),
    NextUploadIdMarker: last?.id,
    Prefix: name(prefix),
    EncodingType: query.get("encoding-type"),
    MaxUploads: limit,
    IsTruncated: last !== undefined,
  });
  const uploads = page.map(({ key, id, begun }) => {
    const elements = { Key: name(key), UploadId: id, Initiated: new Date(begun).toISOString() };
    return `<Upload>${elementsOf(elements)}</Upload>`;
  });
  return document("ListMultipartUploadsResult", head + uploads.join(""));
}
