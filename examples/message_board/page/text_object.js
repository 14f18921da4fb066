// Text objects in a browser without the SDK (docs/protocol/objects.md §3, core-objects.md §3.1).

const TYPE = [0x00, 0x29];
const EPOCH = 11644473600000000n; // 1970 in microseconds since 1601
const utf8 = (text) => [...new TextEncoder().encode(text)];

function protobufLength(number) {
  const bytes = [];
  for (; number > 0x7f; number >>= 7) bytes.push((number & 0x7f) | 0x80);
  return [...bytes, number];
}

const field = (number, text) => [(number << 3) | 2, ...protobufLength(utf8(text).length), ...utf8(text)];

/** Lengths of the object itself have a form of their own: one byte, or two for 64 to 16383. */
const length = (number) => (number < 64 ? [number] : [0x40 | (number >> 8), number & 0xff]);

function u64(value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return [...bytes];
}

/** The object's id, in base36, and its bytes. */
export async function makeText(id, header, value) {
  const content = [...field(1, id), ...field(2, header)];
  const desc = [0, 1, content.length >> 8, content.length & 0xff, ...content]; // version, format protobuf, length
  const text = field(1, value);
  const now = BigInt(Date.now()) * 1000n + EPOCH;
  const body = [0, ...u64(now), 0, 1, ...length(text.length), ...text]; // flags, time, version, format
  const bytes = Uint8Array.from([...TYPE, 0x00, 0x02, ...desc, ...body]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from([...TYPE, 0, 0, ...desc])));
  hash.set([0x80, 0, 0, 0, 0]); // a core object without owner
  const hex = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { id: BigInt("0x" + hex).toString(36), bytes };
}
