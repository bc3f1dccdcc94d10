// An ioredis client as tests drive it: the port, then tour, get KEY or set KEY VALUE; one JSON value on stdout.
import { Redis, ReplyError } from "ioredis";

const [port, what, ...words] = process.argv.slice(2);
const redis = new Redis({ port: Number(port), retryStrategy: null, maxRetriesPerRequest: 0 });
redis.on("error", () => {}); // the command that met it tells

// What Redis refused is a ReplyError whose first word is the code; anything else is the connection's end.
const kind = (error) => (error instanceof ReplyError ? error.message.split(" ")[0] : error.message);

async function run(command) {
  const start = performance.now();
  let value = null, error = "", text = "";
  try {
    value = await command();
  } catch (thrown) {
    [error, text] = [kind(thrown), thrown.message];
  }
  return { value, error, text, ms: performance.now() - start };
}

async function hundred(pipeline) {
  for (let i = 0; i < 100; i++) pipeline.incr("counter");
  return (await pipeline.exec()).at(-1);
}

const large = "x".repeat(3_000_000);
const tour = [
  () => redis.flushdb(),
  () => redis.set("text", "caf\u00e9\r\n"),
  () => redis.get("text"),
  () => redis.get("nothing"),
  () => redis.incr("number"),
  () => redis.rpush("list", "a", "b", "c"),
  () => redis.lrange("list", 0, -1),
  () => redis.hset("hash", { f: "1", g: "" }),
  () => redis.hgetall("hash"),
  () => redis.zadd("sorted", 1.5, "a", 2, "b"),
  () => redis.zrange("sorted", 0, -1, "WITHSCORES"),
  () => redis.incr("list"),
  () => redis.mget("text", "nothing", "number"),
  () => redis.eval("return {KEYS[1], ARGV[1], 7}", 1, "k", "v"),
  () => redis.set("large", large),
  async () => (await redis.get("large")) === large,
  () => hundred(redis.pipeline()),
  () => hundred(redis.multi()),
  () => redis.xadd("stream", "1-1", "f", "v"),
  () => redis.xrange("stream", "-", "+"),
  () => redis.call("NO.SUCH"),
];

async function said() {
  const all = [];
  for (const each of tour) all.push(await each().catch((error) => error.message));
  return all;
}

const done = { tour: said, get: () => run(() => redis.get(...words)), set: () => run(() => redis.set(...words)) };
console.log(JSON.stringify(await done[what]()));
redis.disconnect();
