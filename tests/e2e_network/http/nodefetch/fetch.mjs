// Node's fetch as tests drive it: the port, then asks as JSON; outcomes as JSON on stdout.
import { createHash } from "node:crypto";

const [port, asks] = process.argv.slice(2);
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

// What fetch throws is a TypeError whose cause says more; an answer that breaks off is "terminated".
function nameOf(error) {
  const closed = error.cause?.code === "UND_ERR_SOCKET" && error.message === "fetch failed";
  return closed ? error.cause.message : error.message;
}

async function ask([method, path, body]) {
  const start = performance.now();
  let status = 0, headers = [], bytes = Buffer.alloc(0), error = "";
  try {
    const got = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body || undefined });
    bytes = Buffer.from(await got.arrayBuffer());
    status = got.status;
    headers = [...got.headers];
  } catch (thrown) {
    error = nameOf(thrown);
  }
  return { status, headers, size: bytes.length, digest: sha256(bytes), error, ms: performance.now() - start };
}

const outcomes = [];
for (const each of JSON.parse(asks)) outcomes.push(await ask(each));
console.log(JSON.stringify(outcomes));
