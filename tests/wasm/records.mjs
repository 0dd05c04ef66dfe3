// What records.h writes: byte strings, each after its length in four bytes, little-endian.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export function* records(file, fields) {
  const bytes = readFileSync(file);
  for (let at = 0; at < bytes.length; ) {
    const record = [];
    for (let i = 0; i < fields; ++i) {
      const size = bytes.readUInt32LE(at);
      assert(at + 4 + size <= bytes.length, `${file} ends inside a record`);
      record.push(new Uint8Array(bytes.buffer, bytes.byteOffset + at + 4, size));
      at += 4 + size;
    }
    yield record;
  }
}

export const text = (bytes) => new TextDecoder().decode(bytes);
