// Words of Cedar's text forms: names, string literals, entity ids.

const kReserved = new Set(['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar']);

// isName says whether `text` can stand as an identifier.
export function isName(text) {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) && !kReserved.has(text);
}

// quoted is a string literal; some characters are escaped that need not be.
export function quoted(text, random) {
  let out = '"';
  for (const character of text) {
    const code = character.codePointAt(0);
    if (character === '"' || character === '\\') out += `\\${character}`;
    else if (character === '\n') out += '\\n';
    else if (character === '\t') out += '\\t';
    else if (character === '\r') out += '\\r';
    else if (character === '\0') out += '\\0';
    // An escaped `*` would be a wildcard in a pattern.
    else if (character !== '*' && random.chance(0.04)) out += `\\u{${code.toString(16)}}`;
    else if (code < 0x20) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else out += character;
  }
  return `${out}"`;
}

export function uidText(uid, random) {
  return `${uid.type}::${quoted(uid.id, random)}`;
}
