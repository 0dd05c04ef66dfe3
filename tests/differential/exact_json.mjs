// JSON with exact integers: BigInt out, and in as {"__big": "…"} beyond 15 digits, so that two
// texts can be compared as values.

export function stringify(value) {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Raw) return value.text;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(stringify).join(',')}]`;
  const members = Object.entries(value).filter(([, item]) => item !== undefined)
    .map(([key, item]) => `${JSON.stringify(key)}:${stringify(item)}`);
  return `{${members.join(',')}}`;
}

export function parse(text) {
  return JSON.parse(text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}/g,
    (token) => (token[0] === '"' ? token : `{"__big":"${token}"}`)));
}

// parseCase reads what stringify wrote: every integer a BigInt again.
export function parseCase(text) {
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\d+/g,
    (token) => (token[0] === '"' ? token : `{"__big":"${token}"}`));
  return JSON.parse(marked, (_, value) => (value?.__big === undefined ? value : BigInt(value.__big)));
}

// canonical is one text for equal values, whatever the order of members.
export function canonical(value) {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

// Raw is text that is JSON already.
export class Raw {
  constructor(text) { this.text = text; }
}
