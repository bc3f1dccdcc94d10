// The page's data: gzip in base64, in script elements that browsers don't run.

/** The unpacked bytes of a block. Throws where the page has no such block. */
export async function bytes(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`this page has no ${id}`);
  return unpacked(element.textContent);
}

/** A block that is JSON. */
export async function json(id) {
  return JSON.parse(new TextDecoder().decode(await bytes(id)));
}

/** Base64 of gzip as bytes. */
export async function unpacked(text) {
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
