/**
 * AddTagsToStream, RemoveTagsFromStream, ListTagsForStream.
 *
 * Source: Kinesis API reference; reference/kinesis-api 2.10.
 */
import { asStreamError } from "@millrace/base";
import { TAGS_PER_STREAM_MAX } from "@millrace/model";

import type {
  AddTagsToStreamInput,
  ListTagsForStreamInput,
  RemoveTagsFromStreamInput,
} from "../gen/kinesis-tables.ts";
import { asAwsError, invalidArgument } from "../protocol/aws-error.ts";
import type { Answer, Call } from "./call.ts";
import { confirmedStream, refuseUnknown, remainingMs, requireActive } from "./call.ts";

type Tags = Readonly<Record<string, string>>;

/** The service looks twice, with two alphabets and two texts: `%` passes the first look alone. */
const FIRST_LOOK = /^[\p{L}\p{N}\s_./=+\-%@:]*$/u;
const SECOND_LOOK = /^[\p{L}\p{N}\s_./=+\-@:]*$/u;

export async function addTags(call: Call, input: AddTagsToStreamInput): Promise<Answer> {
  checkAlphabet(input.Tags);
  const stream = await confirmedStream(call, input);
  checkTags(call, stream.streamName, stream.tags, input.Tags);
  requireActive(call, stream);
  return updateTags(call, stream, { set: input.Tags, remove: [] });
}

export async function removeTags(call: Call, input: RemoveTagsFromStreamInput): Promise<Answer> {
  checkAlphabet(Object.fromEntries(input.TagKeys.map((key) => [key, ""])));
  const stream = await confirmedStream(call, input);
  requireActive(call, stream);
  return updateTags(call, stream, { set: {}, remove: input.TagKeys });
}

export async function listTags(call: Call, input: ListTagsForStreamInput): Promise<Answer> {
  const stream = await confirmedStream(call, input);
  const after = input.ExclusiveStartTagKey;
  const tags = Object.entries(stream.tags)
    .filter(([key]) => after === undefined || key > after)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([Key, Value]) => ({ Key, Value }));
  const limit = input.Limit ?? TAGS_PER_STREAM_MAX;
  return { Tags: tags.slice(0, limit), HasMoreTags: tags.length > limit };
}

/** @throws AwsError `InvalidArgumentException` for letters that tags may not have, and for too many tags. */
export function checkTags(call: Call, streamName: string, held: Tags, added: Tags): void {
  checkAlphabet(added);
  const failed = `Failed to add tags to stream ${streamName} under account ${call.caller.account} because`;
  if (
    !Object.entries(added)
      .flat()
      .every((text) => SECOND_LOOK.test(text))
  ) {
    throw invalidArgument(
      `${failed} some tags contained illegal characters. The allowed characters are ` +
        "Unicode letters, white-spaces, '_',',','/','=','+','-','@'.",
    );
  }
  if (new Set([...Object.keys(held), ...Object.keys(added)]).size > TAGS_PER_STREAM_MAX) {
    throw invalidArgument(
      `${failed} a given stream cannot have more than ${TAGS_PER_STREAM_MAX} tags associated with it.`,
    );
  }
}

function checkAlphabet(tags: Tags): void {
  if (
    Object.entries(tags)
      .flat()
      .every((text) => FIRST_LOOK.test(text))
  )
    return;
  throw invalidArgument(
    "Some tags contain invalid characters. Valid characters: " +
      "Unicode letters, digits, white space, _ . / = + - % @.",
  );
}

async function updateTags(
  call: Call,
  { account, streamName }: { readonly account: string; readonly streamName: string },
  change: { readonly set: Tags; readonly remove: readonly string[] },
): Promise<Answer> {
  try {
    const order = { account, streamName, ...change };
    await call.backend.admin.updateTags(order, remainingMs(call, Infinity));
    return undefined;
  } catch (error) {
    if (asStreamError(error).code === "not-found") refuseUnknown(call, streamName);
    throw asAwsError(error);
  }
}
