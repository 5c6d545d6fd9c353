/**
 * AWS Signature Version 4, the part that signer and verifier share. Hashing is injected, because
 * this package runs anywhere; wire errors belong to the callers.
 *
 * Source: AWS General Reference, "Signature Version 4 signing process".
 */

export interface SigningHashes {
  /** Lower-case hexadecimal SHA-256. */
  sha256Hex(data: string | Uint8Array): string;
  hmacSha256(key: string | Uint8Array, data: string): Uint8Array;
}

export interface CredentialScope {
  /** `20261125` */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export interface SignedRequest {
  readonly method: string;
  /** Absolute path as sent, percent-encoded. */
  readonly path: string;
  /** Query without the question mark, as sent; empty when there is none. */
  readonly query: string;
  /** Lower-case names in the order signed. */
  readonly signedHeaders: readonly string[];
  /** Value of a header by its lower-case name, or `undefined` when the request lacks it. */
  readonly header: (name: string) => string | undefined;
  readonly payloadHash: string;
}

export const SIGV4_ALGORITHM = "AWS4-HMAC-SHA256";

/** The key that signs for one day, region and service; the same for all requests of that scope, so callers cache it. */
export function signingKey(
  hashes: SigningHashes,
  secret: string,
  scope: CredentialScope,
): Uint8Array {
  const date = hashes.hmacSha256(`AWS4${secret}`, scope.date);
  const region = hashes.hmacSha256(date, scope.region);
  const service = hashes.hmacSha256(region, scope.service);
  return hashes.hmacSha256(service, "aws4_request");
}

/** Lower-case hexadecimal signature. @param amzDate `20261125T015519Z`. */
export function signature(
  hashes: SigningHashes,
  key: Uint8Array,
  amzDate: string,
  scope: CredentialScope,
  canonical: string,
): string {
  const scopeText = `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
  const toSign = [SIGV4_ALGORITHM, amzDate, scopeText, hashes.sha256Hex(canonical)].join("\n");
  return toHex(hashes.hmacSha256(key, toSign));
}

/** The text whose hash is signed. Values of a header that came more than once are joined by commas before. */
export function canonicalRequest(request: SignedRequest): string {
  const headers = request.signedHeaders.map(
    (name) => `${name}:${(request.header(name) ?? "").trim().replace(/ +/g, " ")}\n`,
  );
  return [
    request.method,
    encodedPath(request.path),
    canonicalQuery(request.query),
    headers.join(""),
    request.signedHeaders.join(";"),
    request.payloadHash,
  ].join("\n");
}

export interface Authorization {
  readonly accessKeyId: string;
  readonly scope: CredentialScope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/** The parts of an `Authorization` header, or `undefined` when one is missing or malformed. */
export function parseAuthorization(value: string): Authorization | undefined {
  const [algorithm, rest] = splitOnce(value.trim(), " ");
  if (algorithm !== SIGV4_ALGORITHM) return undefined;
  const parts = new Map(rest.split(",").map((part) => splitOnce(part.trim(), "=")));
  const signed = parts.get("SignedHeaders");
  const given = parts.get("Signature");
  const credential = parseCredential(parts.get("Credential") ?? "");
  if (signed === undefined || given === undefined || credential === undefined) return undefined;
  return { ...credential, signedHeaders: signed.split(";"), signature: given };
}

/** `AKIA…/20261125/us-east-1/kinesis/aws4_request`. */
export function parseCredential(
  credential: string,
): { readonly accessKeyId: string; readonly scope: CredentialScope } | undefined {
  const fields = credential.split("/");
  const [accessKeyId, date, region, service, terminator] = fields;
  if (fields.length !== 5 || terminator !== "aws4_request") return undefined;
  if (!accessKeyId || !date || !region || !service) return undefined;
  return { accessKeyId, scope: { date, region, service } };
}

/** `20261125T015519Z` of epoch milliseconds. */
export function amzDate(epochMs: number): string {
  const { year, month, day, hour, minute, second } = civil(epochMs);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${year}${two(month)}${two(day)}T${two(hour)}${two(minute)}${two(second)}Z`;
}

/** Epoch milliseconds of `20261125T015519Z`, or `undefined` for what is no such date. */
export function parseAmzDate(text: string): number | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map(Number);
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) {
    return undefined;
  }
  return ((daysFromCivil(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1000;
}

/** Compares without telling by its duration where the two differ. */
export function constantTimeEqual(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) {
    difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
  }
  return difference === 0;
}

/** Names and values percent-encoded the strict way, sorted by name, then value. */
function canonicalQuery(query: string): string {
  if (query === "") return "";
  const pairs = query.split("&").map((pair) => {
    const [name, value] = splitOnce(pair, "=");
    return [strictEncode(decodePlain(name)), strictEncode(decodePlain(value))] as const;
  });
  pairs.sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1));
  return pairs.map(([name, value]) => `${name}=${value}`).join("&");
}

/** Every service but S3 signs the path encoded once more than it was sent. */
function encodedPath(path: string): string {
  return path.split("/").map(strictEncode).join("/") || "/";
}

function decodePlain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not percent-encoded at all: signed as it stands
  }
}

function strictEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** Days since 1970-01-01 of a Gregorian date. Source: Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civil(epochMs: number) {
  const seconds = Math.floor(epochMs / 1000);
  const days = Math.floor(seconds / 86_400);
  const inDay = seconds - days * 86_400;
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
    hour: Math.floor(inDay / 3600),
    minute: Math.floor((inDay % 3600) / 60),
    second: inDay % 60,
  };
}
