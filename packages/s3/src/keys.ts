/** A key in a path, encoded as the signature wants it. */
export function encodeKey(key: string): string {
  if (/^[\w.~/-]*$/.test(key)) return key;
  return key.split("/").map(encodeSegment).join("/");
}

/** A part of a path or of a query, encoded as the signature wants it. */
export function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
