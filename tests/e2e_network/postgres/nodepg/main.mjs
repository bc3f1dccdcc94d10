// A node-postgres client as tests drive it: the port, then run SQL [INTEGER...] or tour; one JSON value on stdout.
import pg from "pg";

pg.types.setTypeParser(pg.types.builtins.INT8, Number); // as applications do: it gives strings otherwise

const [port, what, sql, ...integers] = process.argv.slice(2);
const client = new pg.Client({
  host: "127.0.0.1", port: Number(port), user: "postgres", database: "postgres", connectionTimeoutMillis: 20_000,
});
client.on("error", () => {}); // the query that met it tells

const rows = async (text, values) => (await client.query({ text, values, rowMode: "array" })).rows;

async function run() {
  let value = null, error = "", code = "", start = performance.now();
  try {
    await client.connect();
    start = performance.now();
    value = await rows(sql, integers.map(Number));
  } catch (thrown) {
    const refused = thrown instanceof pg.DatabaseError;
    [error, code] = refused ? ["DatabaseError", thrown.code] : [thrown.message, ""];
  }
  return { value, error, code, ms: performance.now() - start };
}

const large = "y".repeat(3_000_000);
const insert = "insert into t values ($1, $2)";
const tour = [
  () => client.query("create temp table t (id int primary key, name text, extra jsonb)"),
  () => Promise.all([0, 1, 2, 3].map((id) => rows(insert, [id, `n${id}`]))),
  () => rows("select * from t order by id"),
  () => rows("select $1::float8 / 3, $2::bool, $3::bytea, null, $4::jsonb", [1, true, Buffer.from([0, 255]), { a: [1] }]),
  () => client.query("select 1 as a; select 2 as b").then((results) => results.map((each) => each.rows)),
  () => rows("select repeat('x', 3000000)").then((found) => found[0][0].length),
  () => rows("select $1::text", [large]).then((found) => found[0][0] === large),
  () => rows("select 1 / $1::int", [0]),
  () => rows(insert, [1, "again"]),
  () => Promise.all([5, 6, 7].map((id) => client.query({ name: "kept", text: insert, values: [id, null] }))),
  () => rows("begin"),
  () => rows(insert, [1, "again"]),
  () => rows("select 1"),
  () => client.query("commit").then((result) => result.command),
  () => client.query("listen ch"),
  async () => {
    const heard = new Promise((resolve) => client.once("notification", (message) => resolve(message.payload)));
    await client.query("notify ch, 'hello'");
    return heard;
  },
  () => rows("select count(*) from t"),
];

async function said() {
  await client.connect();
  const all = [];
  for (const each of tour) all.push(await each().catch((error) => `${error.code} ${error.message}`));
  return all;
}

console.log(JSON.stringify(await (what === "tour" ? said() : run())));
await client.end().catch(() => {}); // it may be gone
