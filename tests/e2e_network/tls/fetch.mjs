// Node's fetch over TLS as tests drive it: a URL; whom it trusts is NODE_EXTRA_CA_CERTS; the outcome as JSON on stdout.
let outcome;
try {
  const got = await fetch(process.argv[2]);
  outcome = { status: got.status, size: (await got.arrayBuffer()).byteLength, error: "" };
} catch (thrown) {
  outcome = { status: 0, size: 0, error: `${thrown.cause?.code}: ${thrown.cause?.message}` };
}
console.log(JSON.stringify(outcome));
